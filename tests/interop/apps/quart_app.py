"""Quart: its request and its WebSocket are context variables, its bodies are streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, abort, request, session, websocket

from anysocket_rsgi import from_asgi

quart_app = Quart(__name__)
quart_app.secret_key = "not a secret"


@quart_app.before_serving
async def start() -> None:
    quart_app.config["STARTED"] = True


@quart_app.get("/count")
async def count() -> dict[str, Any]:
    session["count"] = session.get("count", 0) + 1
    return {"count": session["count"], "started": quart_app.config["STARTED"]}


@quart_app.post("/size")
async def size() -> dict[str, int]:
    total = 0
    async for piece in request.body:
        total += len(piece)
    return {"size": total}


@quart_app.get("/stream")
async def stream() -> Any:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"{number},".encode()
            await asyncio.sleep(0)

    return pieces(), 200, {"content-type": "text/plain"}


@quart_app.websocket("/echo/<name>")
async def echo(name: str) -> None:
    if name == "nobody":
        abort(404)
    await websocket.accept()
    while True:
        await websocket.send(f"{name}: {await websocket.receive()}")


app = from_asgi(quart_app)
