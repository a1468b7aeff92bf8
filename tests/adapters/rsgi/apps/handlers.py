"""Handlers that do before and after accept what a server process must survive."""

from __future__ import annotations

import asyncio

import pytest

from anysocket import App, Denied, UnsupportedByTransport, WebSocket, WebSocketStateError

app = App()
kept: list[WebSocket] = []


@app.websocket("/return")
async def return_at_once(websocket):
    pass


@app.websocket("/raise")
async def raise_at_once(websocket):
    raise LookupError("on purpose")


@app.websocket("/raise-base")
async def raise_what_is_no_exception(websocket):
    raise asyncio.CancelledError


@app.websocket("/close/<int:code>")
async def close_before_accept(websocket, code):
    await websocket.close(code)


@app.websocket("/deny/<int:status>")
async def deny(websocket, status):
    await websocket.deny(status, {"x-why": "busy"}, "come back later")


@app.websocket("/deny-nonsense")
async def deny_with_nonsense(websocket):
    for status in (0, 99, 200, 600, 1000, -1, None, "403"):
        with pytest.raises(ValueError, match="HTTP status"):
            await websocket.deny(status)
    for headers in ([("a\n", "b")], [("a", "b\r\nc: d")]):
        with pytest.raises(ValueError, match="header"):
            await websocket.deny(403, headers)
    raise Denied(1000, {}, "no status")


@app.websocket("/cancel-accept")
async def cancel_accept(websocket):
    accepting = asyncio.create_task(websocket.accept())
    await asyncio.sleep(0)
    accepting.cancel()
    await asyncio.wait({accepting})
    if accepting.cancelled():
        assert websocket.closed
    else:
        await websocket.close()
    await asyncio.sleep(3)


@app.websocket("/double-accept")
async def double_accept(websocket):
    await websocket.accept()
    with pytest.raises(WebSocketStateError):
        await websocket.accept()
    with pytest.raises(WebSocketStateError):
        await websocket.deny()
    await websocket.send_text("alive")


@app.websocket("/accept-at-once")
async def accept_in_two_tasks(websocket):
    outcomes = await asyncio.gather(websocket.accept(), websocket.accept(), return_exceptions=True)
    await websocket.send_text(",".join(sorted(type(outcome).__name__ for outcome in outcomes)))


@app.websocket("/unsupported")
async def unsupported(websocket):
    with pytest.raises(UnsupportedByTransport, match="--interface asgi"):
        await websocket.accept(headers={"x-a": "b"})
    with pytest.raises(UnsupportedByTransport, match=r"Capability\.SUBPROTOCOL"):
        await websocket.accept("chat")
    await websocket.accept()
    await websocket.close(4001, "dropped, as is the code")


@app.websocket("/raise-after-accept")
async def raise_after_accept(websocket):
    await websocket.accept()
    raise LookupError("on purpose")


@app.get("/http")
async def http(request):
    return {"path": request.url.path}


@app.websocket("/echo")
async def echo(websocket):
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/keep")
async def keep(websocket):
    kept.append(websocket)
    await echo(websocket)


@app.websocket("/flood")
async def flood(websocket):
    await websocket.accept()
    while True:
        await websocket.send_text("more")
