"""The ways in which handlers end, and the stages of their connections at which they do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage

NEXT = "/next"
"""Below a case's path: a connection that is accepted and closed, to see that the server goes on."""


class OnPurposeError(Exception):
    """What handlers raise here."""


# -- ways to end --


class Returns:
    """Normally."""

    async def end(self) -> None:
        return


class Raises:
    """With an exception."""

    async def end(self) -> None:
        raise OnPurposeError


class RaisesGroup:
    """With the failure of a task group."""

    async def end(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(Raises().end())


class Exits:
    """By sys.exit()."""

    async def end(self) -> None:
        raise SystemExit(3)


class AwaitsCancelled:
    """Nobody cancels the handler: what it waits for is cancelled."""

    async def end(self) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future


class IsCancelled:
    """Cancelled from outside."""

    async def end(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)


class RaisesClosed:
    """As a call on another connection does, which is over."""

    async def end(self) -> None:
        raise ConnectionClosed(1006, "", "lost")


# -- stages --


class AnyStage(Case):
    """A handler that leads to this stage and ends; then another connection."""

    group = "outcomes"

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        if websocket.scope.path.endswith(NEXT):
            await websocket.accept()
        else:
            await self.lead(websocket)
            await self.end()

    async def lead(self, websocket: WebSocket) -> None:
        """What the handler does before it ends."""

    async def end(self) -> None:
        """How it ends."""
        raise NotImplementedError


class BeforeAccept(AnyStage):
    """Refused with ``status``."""

    clauses: ClassVar[tuple[str, ...]] = ("3.3", "3.5")
    status = 500

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((f"refused {self.status}", "accepted"))

    async def client(self, client: Client) -> None:
        await client.see_answer()
        await client.see_answer(NEXT)


class AfterAccept(AnyStage):
    """Closed with ``code``."""

    clauses: ClassVar[tuple[str, ...]] = ("5.5", "3.5")
    needs = Capability.CLOSE_CODE
    code = 1011

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("text 'first'", close_seen(capabilities, self.code), "accepted"))

    async def lead(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("first")
        await websocket.receive()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            await peer.send_text("go on")
            await client.see(peer)
        await client.see_answer(NEXT)


class AfterPeersClose(AnyStage):
    """Whatever the handler does, its peer's close is answered."""

    clauses: ClassVar[tuple[str, ...]] = ("5.5", "3.5")
    client_sees = ("its close is answered", "accepted")

    async def lead(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.close(4001, "bye")
            answer = await client.see(peer)
            client.notes[-1] = "its close is answered" if answer.startswith("close ") else answer
        await client.see_answer(NEXT)


class AfterOwnClose(AnyStage):
    """Whatever the handler does after, its close is what the peer sees."""

    clauses: ClassVar[tuple[str, ...]] = ("5.5", "3.5")
    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4002, "over"), "accepted"))

    async def lead(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4002, "over")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
        await client.see_answer(NEXT)


class AfterLoss(AnyStage):
    """Nobody sees it."""

    clauses: ClassVar[tuple[str, ...]] = ("5.5", "3.5")
    client_sees = ("accepted",)
    handler_sees = ("ends",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        if not websocket.scope.path.endswith(NEXT):
            with contextlib.suppress(ConnectionError):
                await websocket.receive()
            stage.note("ends")
            await self.end()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.abort()
        await client.see_answer(NEXT)
