"""What cases of peers that do harm have in common."""

from __future__ import annotations

from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage
from anysocket_conformance.cases._frames import see_next
from anysocket_servers import FrameConnection

ROUNDS = 10


class Survival(Case):
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


class OverHTTP1(Survival):
    """Of peers that write their own handshake."""

    tools = ("frames", "http1")
