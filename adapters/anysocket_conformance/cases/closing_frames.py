"""Close frames, alone and among others, and the end of TCP after them."""

from __future__ import annotations

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen, peer_close_seen, peer_end_seen
from anysocket.testing._stage import Stage
from anysocket_conformance.cases._frames import SOON, next_frame, see_end, see_frame, upgraded
from anysocket_conformance.cases.frames import Frames
from anysocket_servers import CLOSE, TEXT, frame

NORMAL = (1000).to_bytes(2)


class _PeerCloses(Frames):
    """Of close frames from the peer."""

    clauses = ("4.2", "4.6")
    sent = b""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(2):
            await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(self.sent)
            client.note((await next_frame(frames, SOON)).split(" ")[0])


class CloseWithoutCode(_PeerCloses):
    """A close frame without a code reads 1005, and is answered."""

    sent = frame(CLOSE)
    client_sees = ("close",)
    handler_sees = ("close 1005 ''", "closed 1005 by peer")


class CloseOfThePeerEndsTCP(_PeerCloses):
    """The peer's close frame is answered, and then the server ends the connection."""

    needs = Capability.PEER_CLOSE_CODE | Capability.PEER_CLOSE_REASON
    sent = frame(CLOSE, NORMAL + b"bye")

    def expected(self, capabilities: Capability) -> Sight:
        close, end = peer_close_seen(capabilities, 1000, "bye"), peer_end_seen(capabilities, 1000, "bye")
        return Sight(("close", "the connection ends"), (close, end))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(self.sent)
            client.note((await next_frame(frames, SOON)).split(" ")[0])
            await see_end(client, frames)


class CloseBehindMessage(_PeerCloses):
    """A message in front of a close frame, in one segment, is received before the close."""

    needs = Capability.PEER_CLOSE_CODE
    sent = frame(TEXT, b"last") + frame(CLOSE, (4001).to_bytes(2))

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("close",), ("text 'last'", peer_close_seen(capabilities, 4001)))


class CloseBetweenFragments(_PeerCloses):
    """A close frame between the fragments of a message ends the connection without that message."""

    needs = Capability.PEER_CLOSE_CODE
    sent = frame(TEXT, b"never whole", final=False) + frame(CLOSE, (4001).to_bytes(2))

    def expected(self, capabilities: Capability) -> Sight:
        seen_by_handler = (peer_close_seen(capabilities, 4001), peer_end_seen(capabilities, 4001))
        return Sight(("close",), seen_by_handler)


class _AppEnds(Frames):
    """Of handlers that end while the peer lives."""

    clauses = ("5.5",)
    needs = Capability.CLOSE_CODE
    code = 1000

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("text 'done'", close_seen(capabilities, self.code), "the connection ends"))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            await see_frame(client, frames)
            received = await next_frame(frames)
            client.note(received)
            if received.startswith("close"):
                frames.send(CLOSE, self.code.to_bytes(2))
            await see_end(client, frames)


class ReturnEndsTCP(_AppEnds):
    """After the handler has returned and the peer answered the close, TCP ends."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("done")


class RaiseEndsTCP(_AppEnds):
    """After the handler has raised and the peer answered the close, TCP ends."""

    code = 1011

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("done")
        raise LookupError("after accept")


class KeptReferenceEndsTCP(_AppEnds):
    """TCP ends even if the app keeps the websocket."""

    kept: list[WebSocket] = []

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        self.kept.append(websocket)
        await websocket.accept()
        await websocket.send_text("done")


class MessagesOnTheirWayDoNotKeepIt(Frames):
    """The handler ends while the peer still sends: the close arrives, and then the end."""

    clauses = ("5.5",)
    client_sees = ("close", "the connection ends")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.receive()

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(b"".join(frame(TEXT, b"x" * 5000) for _ in range(200)))
            received = await next_frame(frames)
            client.note(received.split(" ")[0])
            frames.send(CLOSE, NORMAL)
            await see_end(client, frames)
