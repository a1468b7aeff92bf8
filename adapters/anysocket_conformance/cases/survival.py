"""What a peer can do to handshakes and by resets: the process lives and serves the next one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage
from anysocket_conformance.cases._frames import NEXT, handshake, see_next, upgraded
from anysocket_servers import CLOSE, TEXT, FrameConnection

ROUNDS = 10
CROWD = 50

GARBAGE = bytes(range(256)) + b"\r\n\r\n"
ANSWER_TIMEOUT = 1.0


class _Survival(Case):
    """Of this group: after ``rounds`` of :meth:`harm` an echo works."""

    group = "survival"
    clauses = ("3.5",)
    tools: ClassVar[tuple[str, ...]] = ("frames",)
    rounds = ROUNDS
    client_sees: ClassVar[tuple[str, ...]] = ("text 'and on'",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """Echo."""
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message.data)

    async def client(self, client: Client) -> None:
        for _ in range(self.rounds):
            async with client.tools["frames"]() as frames:
                await self.harm(client, frames)
        await see_next(client)

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        """What the peer does."""
        raise NotImplementedError


class _OverHTTP1(_Survival):
    tools = ("frames", "http1")


# -- handshakes that are none --


class ResetBeforeHandshake(_Survival):
    """Peers that connect and are reset."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.reset()


class HangUpBeforeHandshake(_Survival):
    """Peers that connect and hang up."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.stream.hang_up()


class GarbageForHandshake(_OverHTTP1):
    """Peers that send garbage instead of a handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(GARBAGE)
        await answer_or_end(frames)


class HalfHandshakeThenReset(_OverHTTP1):
    """Peers that are reset in the middle of their handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        request = frames.request(handshake(client))
        frames.write(request[: len(request) // 2])
        await asyncio.sleep(0)
        frames.reset()


class HalfHandshakeThenHangUp(_OverHTTP1):
    """Peers that hang up in the middle of their handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        request = frames.request(handshake(client))
        frames.write(request[: len(request) // 2])
        await asyncio.sleep(0)
        frames.stream.hang_up()


class _Refused(_OverHTTP1):
    """Of handshakes that a server must not accept."""

    rounds = 1
    client_sees = ("no upgrade", "text 'and on'")
    left_out = b""
    put_in = b""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        lines = frames.request(handshake(client)).removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [line for line in lines if not (self.left_out and line.startswith(self.left_out))]
        frames.write(b"\r\n".join([*kept, *([self.put_in] if self.put_in else []), b"", b""]))
        status = await answer_or_end(frames)
        client.note("an upgrade" if status == 101 else "no upgrade")


class HandshakeWithoutKey(_Refused):
    """A handshake without a key is no WebSocket."""

    left_out = b"sec-websocket-key"


class HandshakeWithoutVersion(_Refused):
    """A handshake without a version is no WebSocket."""

    left_out = b"sec-websocket-version"


class HandshakeOfWrongVersion(_Refused):
    """A handshake of version 7 is no WebSocket."""

    left_out = b"sec-websocket-version"
    put_in = b"sec-websocket-version: 7"


class HandshakeWithoutConnectionHeader(_Refused):
    """A handshake without a Connection header is no WebSocket."""

    left_out = b"connection"


class HandshakeByPost(_OverHTTP1):
    """Handshakes with POST, whatever they are answered with."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client)).replace(b"GET", b"POST", 1))
        await answer_or_end(frames)


class HugeHandshake(_OverHTTP1):
    """A handshake with 1 MB of headers, whatever it is answered with."""

    rounds = 1

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client, "", ("x-much", "x" * 1_000_000))))
        await answer_or_end(frames)


async def answer_or_end(frames: FrameConnection) -> int:
    """The status of the answer; 0 where the connection ends instead, or nothing comes for a second."""
    with contextlib.suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        async with asyncio.timeout(ANSWER_TIMEOUT):
            head = await frames.stream.reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(IndexError, ValueError):
                return int(head.split()[1])
    return 0


# -- resets of connections that are some --


class ResetRightAfterRequest(_OverHTTP1):
    """Peers that are reset right after their handshake was sent."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client)))
        await asyncio.sleep(0)
        frames.reset()


class ResetAfterHandshake(_Survival):
    """Peers that are reset right after they were accepted."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        frames.reset()


class ResetWithMessagesUnanswered(_Survival):
    """Peers that are reset while their messages are on their way."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        for _ in range(20):
            frames.send(TEXT, b"hello")
        await asyncio.sleep(0)
        frames.reset()


class ResetDuringClose(_Survival):
    """Peers that are reset after they have sent a close frame."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        frames.send(CLOSE, (1000).to_bytes(2))
        await asyncio.sleep(0)
        frames.reset()


class ResetWhileHandlerSends(_Survival):
    """Peers that are reset while the handler floods them."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        if websocket.scope.path.endswith(NEXT):
            await websocket.send((await websocket.receive()).data)
            return
        for _ in range(1000):
            await websocket.send_bytes(bytes(10_000))

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        await frames.receive()
        frames.reset()


class CrowdIsReset(_Survival):
    """50 peers are reset at the same time."""

    async def client(self, client: Client) -> None:
        async with contextlib.AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(client.tools["frames"]()) for _ in range(CROWD)]
            answers = await asyncio.gather(*(frames.upgrade(handshake(client)) for frames in crowd))
            client.note("all are in" if all(answer.accepted for answer in answers) else "not all are in")
            for frames in crowd:
                frames.send(TEXT, b"hello")
                frames.reset()
        await see_next(client)

    client_sees = ("all are in", "text 'and on'")


class _AcceptIsDue(_OverHTTP1):
    """Of peers that are gone before the handler accepts them: it is told, by accept or by receive."""

    rounds = 1
    handler_sees = ("the peer is at the door", "an end")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        if websocket.scope.path.endswith(NEXT):
            await websocket.accept()
            await websocket.send((await websocket.receive()).data)
            return
        stage.note("the peer is at the door")
        await stage.cue("accept")
        with contextlib.suppress(Exception):
            await websocket.accept()
            while (await websocket.receive()).code is None:
                pass
        stage.note("an end")

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client)))
        await client.noted("the peer is at the door")
        self.leave(client, frames)

    def leave(self, client: Client, frames: FrameConnection) -> None:
        """How it goes."""
        raise NotImplementedError


class ResetWhileAcceptIsDue(_AcceptIsDue):
    """A peer that is reset before the handler accepts it: the handler is told of an end."""

    def leave(self, client: Client, frames: FrameConnection) -> None:
        frames.reset()
        client.cue("accept")


class HangUpWhileAcceptIsDue(_AcceptIsDue):
    """A peer that hangs up before the handler accepts it: the handler is told of an end."""

    def leave(self, client: Client, frames: FrameConnection) -> None:
        frames.stream.hang_up()
        client.cue("accept")


class ResetWhileAccepting(_AcceptIsDue):
    """A peer that is reset while the handler accepts it: the handler is told of an end."""

    def leave(self, client: Client, frames: FrameConnection) -> None:
        client.cue("accept")
        frames.reset()


class LossOfOneLeavesOthers(_Survival):
    """The reset of one peer is no matter to another one that talks at that time."""

    client_sees = ("text '1'", "text '2'")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer, upgraded(client) as frames:
            await peer.send("1")
            await client.see(peer)
            frames.send(TEXT, b"hello")
            frames.reset()
            await peer.send("2")
            await client.see(peer)
