"""The same apps on the interface that they are written for, and through the shim."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from anysocket_asgi import from_rsgi
from anysocket_rsgi import from_asgi
from benchmarks.apps import raw_rsgi


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


async def small(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world", "number": 1})


starlette_app = Starlette(routes=[WebSocketRoute("/", echo), Route("/json", small)])
bridged = from_asgi(starlette_app)
rsgi_under_asgi = from_rsgi(raw_rsgi)
