"""One app for HTTP and WebSockets."""

from __future__ import annotations

from typing import Any

from anysocket import App, WebSocket, WebSocketManager
from anysocket.testing._case import Client
from anysocket.testing._stage import Stage
from anysocket_conformance.cases._requests import HTTP
from anysocket_starlette import Request


class BothOnOnePath(HTTP):
    """HTTP and WebSockets share a path."""

    clauses = ("1",)
    client_sees = ("200 text/plain b'by HTTP'", "text 'by WebSocket'")

    def routes(self, app: App) -> None:
        @app.get(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return "by HTTP"

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("by WebSocket")

    async def client(self, client: Client) -> None:
        await self.see(client, "GET")
        async with client.connect() as peer:
            await client.see(peer)


class PostToWebSockets(HTTP):
    """A POST broadcasts to the WebSockets of the same app, and is told how many there are."""

    clauses = ("1", "2.http", "6.3")
    one_process = True
    client_sees = ("text 'in'", "text 'in'", "200 application/json b'{\"sent\":2}'", "text 'hi'", "text 'hi'")

    def routes(self, app: App) -> None:
        self._manager = WebSocketManager()

        @app.post(f"/{self.name}")
        async def announce(request: Request) -> Any:
            return {"sent": await self._manager.broadcast_to_all((await request.json())["text"])}

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        self._manager.add_connection(websocket.id, websocket)
        await websocket.send_text("in")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as one, client.connect() as two:
            await client.see(one)
            await client.see(two)
            await self.see(client, "POST", json={"text": "hi"})
            await client.see(one)
            await client.see(two)
