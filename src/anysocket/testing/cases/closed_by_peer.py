"""The end of a connection by the peer's close."""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, peer_close_seen, peer_end_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, outcome
from anysocket.testing.cases._ends import NOTICED, answered_soon, noticed_soon, send_to_the_end

CODE, REASON = Capability.PEER_CLOSE_CODE, Capability.PEER_CLOSE_REASON
ANSWERED = "answered within a second"
UNREAD = 5


class _ClosedByPeer(Case):
    """Of this part of the group."""

    group = "closing"
    clauses: ClassVar[tuple[str, ...]] = ("4.2", "4.6")
    client_sees: ClassVar[tuple[str, ...]] = (ANSWERED,)
    needs = CODE | REASON
    code = 4001
    reason = "bye"

    async def client(self, client: Client) -> None:
        """Close and see the answer."""
        async with client.connect() as peer:
            await peer.close(self.code, self.reason)
            await answered_soon(client, peer)


class _Told(_ClosedByPeer):
    """Of codes and reasons: one close message, and then the same end from every receive."""

    def expected(self, capabilities: Capability) -> Sight:
        end = peer_end_seen(capabilities, self.code, self.reason)
        return Sight(self.client_sees, (peer_close_seen(capabilities, self.code, self.reason), end, end))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(3):
            await stage.attempt(websocket.receive())


class PeerClosesWith1000(_Told):
    """The peer's 1000 is a close message, and then ConnectionClosed at every receive."""

    needs = CODE
    code, reason = 1000, ""


class PeerClosesWith1001(_Told):
    """The peer's 1001, as of a browser that leaves the page, is told."""

    needs = CODE
    code, reason = 1001, ""


class PeerClosesWith3000(_Told):
    """The peer's 3000 and its reason are told."""

    code, reason = 3000, "a library's"


class PeerClosesWith4001(_Told):
    """The peer's 4001 and its reason are told."""


class PeerClosesWithUmlauts(_Told):
    """The peer's reason is told in whatever letters."""

    code, reason = 4999, "tschüß 世界"


class PeerClosesWithLongReason(_Told):
    """The peer's reason of 123 bytes is told whole."""

    reason = "x" * 123


class SentBeforePeerCloses(_ClosedByPeer):
    """What the peer sent before its close is received first, however late the handler reads."""

    needs = CODE
    clauses = ("4.1", "4.2")
    reason = ""

    def expected(self, capabilities: Capability) -> Sight:
        messages = [f"text '{number}'" for number in range(UNREAD)]
        end = (peer_close_seen(capabilities, 4001), peer_end_seen(capabilities, 4001))
        return Sight(handler=(*messages, *end))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("read")
        for _ in range(UNREAD + 2):
            await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for number in range(UNREAD):
                await peer.send(str(number))
            await peer.close(self.code, self.reason)
            client.cue("read")


class PeerClosesDuringLoop(_ClosedByPeer):
    """A loop over the messages has them all, and ends at the peer's close."""

    needs = Capability(0)
    clauses = ("4.3",)
    handler_sees = ("text 'a'", "bytes b'b'", "the loop ends")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        async for message in websocket:
            stage.note(f"{message.type} {message.data!r}")
        stage.note("the loop ends")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("a")
            await peer.send(b"b")
            await peer.close(self.code, self.reason)
            await answered_soon(client, peer)


class PeerClosesWhileHandlerSleeps(_ClosedByPeer):
    """The peer's close is answered and told within a second though the handler only sleeps."""

    clauses = ("4.6",)
    client_sees = (ANSWERED, "noticed within a second")

    def expected(self, capabilities: Capability) -> Sight:
        end = peer_end_seen(capabilities, self.code, self.reason)
        return Sight(self.client_sees, (NOTICED, "True", end))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.wait_closed()
        stage.note(NOTICED)
        stage.note(str(websocket.closed))
        await stage.attempt(websocket.send_text("late"))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("never read")
            await peer.close(self.code, self.reason)
            await answered_soon(client, peer)
            await noticed_soon(client)


class PeerClosesWhileHandlerSends(_ClosedByPeer):
    """The peer's close is answered and told within a second though the handler only sends."""

    clauses: ClassVar[tuple[str, ...]] = ("4.6", "5.3")
    needs = Capability(0)
    client_sees: ClassVar[tuple[str, ...]] = (ANSWERED, "noticed within a second")
    handler_sees: ClassVar[tuple[str, ...]] = (NOTICED, "ConnectionClosed")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await send_to_the_end(websocket, stage, 0.02)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive()
            await peer.close(self.code, self.reason)
            await answered_soon(client, peer)
            await noticed_soon(client)


class PeerClosesWhileHandlerFloods(PeerClosesWhileHandlerSends):
    """The peer's close is told within a second though the handler floods it."""

    client_sees = ("noticed within a second",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await send_to_the_end(websocket, stage, 0)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive()
            await peer.close(self.code, self.reason)
            # The flood is read on: some servers answer a close behind what waits to be sent.
            reading = asyncio.create_task(_read_to_the_end(peer))
            await noticed_soon(client)
            reading.cancel()


async def _read_to_the_end(peer: Peer) -> None:
    with contextlib.suppress(ConnectionError, AssertionError):
        while True:
            await peer.receive()


class CloseAfterPeerCloses(_ClosedByPeer):
    """close() after the peer's close is no error and changes nothing."""

    clauses = ("5.4",)

    def expected(self, capabilities: Capability) -> Sight:
        close = peer_close_seen(capabilities, self.code, self.reason)
        return Sight(
            self.client_sees, (close, "done", "done", peer_end_seen(capabilities, self.code, self.reason))
        )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.receive())
        await stage.attempt(websocket.close())
        await stage.attempt(websocket.close(1001, "again"))
        await stage.attempt(websocket.receive())


class EveryTaskLearnsOfPeersClose(_ClosedByPeer):
    """All who wait learn of the peer's close: those in wait_closed() and the one who receives."""

    bare = False
    clauses = ("4.2", "4.6")

    def expected(self, capabilities: Capability) -> Sight:
        close = peer_close_seen(capabilities, self.code, self.reason)
        return Sight(self.client_sees, (close, "done", "done"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        waits = (websocket.receive(), websocket.wait_closed(), websocket.wait_closed())
        for came in await asyncio.gather(*map(outcome, waits)):
            stage.note(came)
