"""Connections that are reset, whatever they were at: the process lives and serves the next one."""

from __future__ import annotations

import asyncio
import contextlib

from anysocket._websocket import WebSocket
from anysocket.testing._case import Client
from anysocket.testing._stage import Stage
from anysocket_conformance.cases._frames import NEXT, handshake, see_next, upgraded
from anysocket_conformance.cases._surviving import OverHTTP1, Survival
from anysocket_servers import CLOSE, TEXT, FrameConnection

CROWD = 50


class ResetRightAfterRequest(OverHTTP1):
    """Peers that are reset right after their handshake was sent."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client)))
        await asyncio.sleep(0)
        frames.reset()


class ResetAfterHandshake(Survival):
    """Peers that are reset right after they were accepted."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        frames.reset()


class ResetWithMessagesUnanswered(Survival):
    """Peers that are reset while their messages are on their way."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        for _ in range(20):
            frames.send(TEXT, b"hello")
        await asyncio.sleep(0)
        frames.reset()


class ResetDuringClose(Survival):
    """Peers that are reset after they have sent a close frame."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        await frames.upgrade(handshake(client))
        frames.send(CLOSE, (1000).to_bytes(2))
        await asyncio.sleep(0)
        frames.reset()


class ResetWhileHandlerSends(Survival):
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


class CrowdIsReset(Survival):
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


class _AcceptIsDue(OverHTTP1):
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


class LossOfOneLeavesOthers(Survival):
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
