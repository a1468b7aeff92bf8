"""An app with what tests of servers and clients need to see."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from anysocket import App, ConnectionClosed, Denied, WebSocket

CHUNK = bytes(1 << 16)
CHUNKS = 1024
STUCK = 0.3
"""Seconds after which a send is held back, and not just slow."""


@contextlib.asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any]]:
    if "FAILS" in os.environ:
        raise RuntimeError(os.environ["FAILS"])
    yield {}


app = App(lifespan=lifespan)
facts: dict[str, asyncio.Future[Any]] = {}


def fact(key: str) -> asyncio.Future[Any]:
    return facts.setdefault(key, asyncio.get_running_loop().create_future())


@app.get("/facts/<key>")
async def told(request, key):
    """What a handler told of itself."""
    async with asyncio.timeout(5):
        return {"fact": await asyncio.shield(fact(key))}


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/scope")
async def scope(websocket: WebSocket) -> None:
    await websocket.accept()
    seen = websocket.scope
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in seen.headers]
    own = {"pid": os.getpid(), "environment": os.environ.get("OWN"), "url": websocket.url}
    await websocket.send_json(
        {
            "scheme": seen.scheme,
            "http_version": seen.http_version,
            "path": seen.path,
            "headers": headers,
            **own,
        }
    )


@app.websocket("/agree")
async def agree(websocket: WebSocket) -> None:
    await websocket.accept("chat", headers=[("x-one", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    await websocket.wait_closed()


@app.websocket("/refuse")
async def refuse(websocket: WebSocket) -> None:
    raise Denied(429, {"retry-after": "7"}, "slow down " * 5000)


@app.websocket("/close/<int:code>")
async def close(websocket: WebSocket, code: int) -> None:
    await websocket.accept()
    await websocket.close(code, "bye")


@app.websocket("/end/<key>")
async def end(websocket: WebSocket, key: str) -> None:
    """Tells how its peer ends."""
    await websocket.accept()
    await websocket.send_text("ready")
    try:
        message = await websocket.receive()
        fact(key).set_result([message.code, message.reason])
    except ConnectionClosed as closed:
        fact(key).set_result([closed.code, closed.by])


@app.websocket("/flood/<key>")
async def flood(websocket: WebSocket, key: str) -> None:
    """Sends until it is held back, tells how much that was, and sends the rest."""
    await websocket.accept()
    for number in range(CHUNKS):
        sending = asyncio.ensure_future(websocket.send_bytes(CHUNK))
        await asyncio.wait({sending}, timeout=STUCK)
        if not sending.done() and not fact(key).done():
            fact(key).set_result(number)
        await sending
    if not fact(key).done():
        fact(key).set_result(CHUNKS)


@app.websocket("/deaf/<key>")
async def deaf(websocket: WebSocket, key: str) -> None:
    """Reads nothing until it is told to."""
    await websocket.accept()
    await fact(key)
    count = 0
    async for _ in websocket:
        count += 1
    fact(f"{key}-count").set_result(count)


@app.post("/facts/<key>")
async def tell(request, key):
    fact(key).set_result(None)
    return {}


@app.websocket("/hang")
async def hang(websocket: WebSocket) -> None:
    """Leaves the handshake without an answer for longer than its test waits."""
    await asyncio.sleep(2)
