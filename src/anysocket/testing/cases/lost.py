"""The end of a connection with no close frame: the peer's process died, or the network between."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, loss_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, outcome
from anysocket.testing.cases._ends import NOTICED, loop_ended, noticed_soon, send_to_the_end

UNREAD = 3


class _Lost(Case):
    """Of this group. The peer's connection is reset (TCP RST), unless a case says otherwise."""

    group = "lost"
    needs = Capability.LOST_IS_1006
    clauses: ClassVar[tuple[str, ...]] = ("4.2", "4.6")
    client_sees: ClassVar[tuple[str, ...]] = ("noticed within a second",)
    hangs_up: ClassVar[bool] = False

    async def client(self, client: Client) -> None:
        """Vanish."""
        async with client.connect() as peer:
            await self.vanish(peer)
            await noticed_soon(client)

    async def vanish(self, peer: Peer) -> None:
        """End the connection without a close frame."""
        await (peer.hang_up() if self.hangs_up else peer.abort())


def loss_received(capabilities: Capability) -> tuple[str, str]:
    """What the first two receives give: without the capability a loss looks like a close."""
    end = loss_seen(capabilities)
    return (end if Capability.LOST_IS_1006 in capabilities else "close 1005 ''", end)


class PeerResetWhileReceiving(_Lost):
    """A reset peer is ConnectionClosed(1006) at every receive."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.client_sees, (NOTICED, *loss_received(capabilities)))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        came = await outcome(websocket.receive())
        stage.note(NOTICED)
        stage.note(came)
        await stage.attempt(websocket.receive())


class PeerHangsUpWhileReceiving(PeerResetWhileReceiving):
    """A peer whose process ended is ConnectionClosed(1006) at every receive."""

    hangs_up = True


class PeerResetBeforeReceiving(_Lost):
    """A peer that is reset right after the handshake is ConnectionClosed(1006) at receive()."""

    clauses = ("4.2",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(handler=loss_received(capabilities))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("gone")
        await stage.attempt(websocket.receive())
        await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await self.vanish(peer)
            client.cue("gone")


class PeerHangsUpWithMessagesUnread(_Lost):
    """What the peer sent before its process ended is received first, and then the loss."""

    clauses = ("4.1", "4.2")
    hangs_up = True

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(
            handler=(*(f"text '{number}'" for number in range(UNREAD)), *loss_received(capabilities))
        )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("read")
        for _ in range(UNREAD + 2):
            await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for number in range(UNREAD):
                await peer.send(str(number))
            await self.vanish(peer)
            client.cue("read")


class PeerResetDuringLoop(_Lost):
    """A loop over the messages raises ConnectionClosed(1006) when the peer is reset."""

    clauses = ("4.3",)

    def expected(self, capabilities: Capability) -> Sight:
        raises = Capability.LOST_IS_1006 in capabilities
        return Sight(self.client_sees, (NOTICED, loss_seen(capabilities) if raises else "the loop ends"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        came = await loop_ended(websocket)
        stage.note(NOTICED)
        stage.note(came)


class PeerHangsUpDuringLoop(PeerResetDuringLoop):
    """A loop over the messages raises ConnectionClosed(1006) when the peer's process has ended."""

    hangs_up = True


class PeerResetWhileHandlerSleeps(_Lost):
    """A reset peer is noticed within a second though the handler only sleeps."""

    clauses = ("4.6",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.client_sees, (NOTICED, "True", loss_seen(capabilities)))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.wait_closed()
        stage.note(NOTICED)
        stage.note(str(websocket.closed))
        await stage.attempt(websocket.send_text("late"))


class PeerHangsUpWhileHandlerSleeps(PeerResetWhileHandlerSleeps):
    """A peer whose process ended is noticed within a second though the handler only sleeps."""

    hangs_up = True


class PeerResetWhileHandlerSends(_Lost):
    """A reset peer is noticed within a second though the handler only sends."""

    clauses: ClassVar[tuple[str, ...]] = ("4.6", "5.3")
    needs = Capability(0)
    handler_sees: ClassVar[tuple[str, ...]] = (NOTICED, "ConnectionClosed")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await send_to_the_end(websocket, stage, 0.02)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive()
            await self.vanish(peer)
            await noticed_soon(client)


class PeerHangsUpWhileHandlerSends(PeerResetWhileHandlerSends):
    """A peer whose process ended is noticed within a second though the handler only sends."""

    hangs_up = True


class PeerResetWhileHandlerFloods(PeerResetWhileHandlerSends):
    """A reset peer is noticed within a second though the handler floods it."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await send_to_the_end(websocket, stage, 0)


class PeerHangsUpWhileHandlerFloods(PeerResetWhileHandlerFloods):
    """A peer whose process ended is noticed within a second though the handler floods it."""

    hangs_up = True


class UseAfterLoss(_Lost):
    """After a loss sending raises what receiving raised, and close() is no error."""

    clauses = ("5.3", "5.4")

    def expected(self, capabilities: Capability) -> Sight:
        first, end = loss_received(capabilities)
        return Sight(handler=(first, end, end, "done"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.receive())
        await stage.attempt(websocket.send_text("late"))
        await stage.attempt(websocket.send_bytes(b"late"))
        await stage.attempt(websocket.close())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await self.vanish(peer)


class EveryTaskLearnsOfLoss(_Lost):
    """All who wait learn of a loss: those in wait_closed() and the one who receives."""

    bare = False

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.client_sees, (NOTICED, loss_received(capabilities)[0], "done", "done"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        waits = (websocket.receive(), websocket.wait_closed(), websocket.wait_closed())
        outcomes = await asyncio.gather(*map(outcome, waits))
        stage.note(NOTICED)
        for came in outcomes:
            stage.note(came)
