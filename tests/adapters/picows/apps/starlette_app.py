"""An app that knows nothing of anysocket."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

ends: dict[str, list[object]] = {}
"""By key: code and reason of the end that a handler was told of, or what else it notes."""
gates: dict[str, asyncio.Event] = {}


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(
        "chat" if "chat" in websocket.scope["subprotocols"] else None, [(b"x-own", b"yes")]
    )
    try:
        while (event := await websocket.receive())["type"] == "websocket.receive":
            if event.get("text") is not None:
                await websocket.send_text(event["text"])
            else:
                await websocket.send_bytes(event["bytes"])
        ends[websocket.query_params.get("key", "")] = [event["code"], event["reason"]]
    except WebSocketDisconnect:
        pass


async def late(websocket: WebSocket) -> None:
    """Accepts when it is told to."""
    key = websocket.query_params["key"]
    gates[key] = asyncio.Event()
    ends[key] = ["waiting"]
    await gates[key].wait()
    try:
        await echo(websocket)
    except OSError as error:
        ends[f"{key}-gone"] = [type(error).__name__]
        raise


async def go(request: Request) -> JSONResponse:
    gates[request.path_params["key"]].set()
    return JSONResponse({})


async def scope(websocket: WebSocket) -> None:
    await websocket.accept()
    names = ("type", "scheme", "path", "raw_path", "query_string", "client", "http_version", "root_path")
    await websocket.send_json({name: repr(websocket.scope[name]) for name in names})
    await websocket.close(4000, "told")


async def flood(websocket: WebSocket) -> None:
    """Sends until it would have to wait for a second, and tells how much that was."""
    await websocket.accept()
    count = 0
    try:
        while count < 1000:
            async with asyncio.timeout(1):
                await websocket.send_bytes(bytes(1 << 16))
            count += 1
    except TimeoutError:
        pass
    ends[websocket.query_params["key"]] = [count]


async def refuse(websocket: WebSocket) -> None:
    await websocket.send_denial_response(JSONResponse({"why": "full"}, 503, {"retry-after": "7"}))


async def close_early(websocket: WebSocket) -> None:
    await websocket.close(4001)


async def leave(websocket: WebSocket) -> None:
    pass


async def leave_later(websocket: WebSocket) -> None:
    await websocket.accept()


async def fail(websocket: WebSocket) -> None:
    raise ZeroDivisionError("before")


async def fail_later(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ZeroDivisionError("after")


async def late_send(websocket: WebSocket) -> None:
    """Sends after the peer's end, until it hears of it."""
    await websocket.accept()
    await websocket.receive()
    try:
        await websocket.send_text("late")
    except WebSocketDisconnect as gone:
        ends[websocket.query_params["key"]] = [gone.code]


async def told(request: Request) -> JSONResponse:
    return JSONResponse(ends.get(request.path_params["key"]))


app = Starlette(
    routes=[
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/late", late),
        Route("/go/{key}", go),
        WebSocketRoute("/scope", scope),
        WebSocketRoute("/flood", flood),
        WebSocketRoute("/refuse", refuse),
        WebSocketRoute("/close-early", close_early),
        WebSocketRoute("/leave", leave),
        WebSocketRoute("/leave-later", leave_later),
        WebSocketRoute("/fail", fail),
        WebSocketRoute("/fail-later", fail_later),
        WebSocketRoute("/late-send", late_send),
        Route("/told/{key}", told),
    ]
)
