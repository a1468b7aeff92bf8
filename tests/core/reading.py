"""A connection in memory whose handler reads all and keeps it."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket import App, Capability, ConnectionClosed, WebSocket
from core.fake_transport import EVERYTHING, FakeTransport


class Reading:
    """One connection to ``app``; ``route`` is given to its route. It reads while ``reads`` is set."""

    def __init__(
        self, app: App, *, way: str = "coroutine", capabilities: Capability = EVERYTHING, **route: Any
    ) -> None:
        self.read: list[str | bytes] = []
        self.end: ConnectionClosed | None = None
        self.reads = asyncio.Event()
        self.reads.set()

        @app.websocket("/", **route)
        async def handler(websocket: WebSocket) -> None:
            self.websocket = websocket
            await websocket.accept()
            try:
                while True:
                    await self.reads.wait()
                    self.read.append((await websocket.receive()).data)
            except ConnectionClosed as closed:
                self.end = closed

        self.transport = FakeTransport(way=way, capabilities=capabilities)
        self.serving = asyncio.create_task(app.serve(self.transport))
