"""Which route gets a connection."""

from __future__ import annotations

from typing import Any

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage

KEY = "6f1de3f4-1c3b-4c0e-9a52-0f1f7c8f2c11"


class RouteByType(Case):
    """Of several routes the first one whose parameters fit the path gets the connection."""

    group = "handshake"
    clauses = ("2.app",)
    bare = False
    templates = ("/<int:value>", "/<float:value>", "/<uuid:value>", "/<value>", "/<path:value>")
    asked = ("/7", "/0.5", "/-7", f"/{KEY}", "/seven", "/seven/of/nine", "/")
    client_sees = (
        "text '7'",
        "text '0.5'",
        "text \"'-7'\"",
        f"text \"UUID('{KEY}')\"",
        "text \"'seven'\"",
        "text \"'seven/of/nine'\"",
        "text \"''\"",
    )

    async def handler(self, websocket: WebSocket, stage: Stage, **parameters: Any) -> None:
        await websocket.accept()
        await websocket.send_text(repr(parameters["value"]))

    async def client(self, client: Client) -> None:
        for path in self.asked:
            async with client.connect(path) as peer:
                await client.see(peer)
