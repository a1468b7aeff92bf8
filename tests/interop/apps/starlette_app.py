"""Starlette, behind the middlewares that it comes with."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from anysocket_rsgi import from_asgi


async def long(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a" * 5000)


async def streamed(request: Request) -> StreamingResponse:
    return StreamingResponse((character * 2000 for character in "abc"), media_type="text/plain")


async def count(request: Request) -> JSONResponse:
    request.session["count"] = request.session.get("count", 0) + 1
    return JSONResponse(request.session["count"])


async def session(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(websocket.session.get("count"))
    await websocket.close()


middleware: list[Any] = [
    Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"]),
    Middleware(CORSMiddleware, allow_origins=["https://friend.example"], allow_headers=["x-custom"]),
    Middleware(GZipMiddleware, minimum_size=1000),
    Middleware(SessionMiddleware, secret_key="not a secret"),
]
routes = [
    Route("/long", long),
    Route("/streamed", streamed),
    Route("/count", count),
    WebSocketRoute("/session", session),
]
app = from_asgi(Starlette(routes=routes, middleware=middleware))
