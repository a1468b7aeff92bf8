"""An ASGI app for a real Granian, bridged: what frameworks do, and what no app should."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, WebSocket, WebSocketException
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from anysocket_rsgi import from_asgi

logger = logging.getLogger("test")
logging.basicConfig(level=logging.INFO)

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    if os.environ.get("FAIL") == "start":
        raise ConnectionRefusedError("no database")
    task = asyncio.current_task()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever)
        logger.info("started in %d", os.getpid())
        yield {"counter": 0, "shared": []}
        group.cancel_scope.cancel()
    logger.info("stopped in %d, the same task: %s", os.getpid(), task is asyncio.current_task())
    if os.environ.get("FAIL") == "stop":
        raise ConnectionRefusedError("not flushed")


api = FastAPI(lifespan=lifespan)
api.mount("/files", StaticFiles(directory=Path(__file__).parent))


@api.get("/json")
async def small(request: Request) -> Any:
    return {"hello": "world"}


@api.post("/items/{number}")
async def item(number: int, body: dict[str, Any]) -> Any:
    return {"number": number, "body": body}


@api.get("/scope")
async def scope(request: Request) -> Response:
    return Response(json.dumps({k: request.scope[k] for k in SCOPE_KEYS}, default=_text), 200)


SCOPE_KEYS = (
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
    "extensions",
)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


@api.get("/state")
async def state(request: Request) -> Any:
    request.state.counter += 1
    request.state.shared.append(1)
    return [request.state.counter, len(request.state.shared), os.getpid()]


@api.get("/cookies")
async def cookies() -> Response:
    response = PlainTextResponse("ok")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    return response


@api.get("/file")
async def file() -> Response:
    return FileResponse(__file__, background=BackgroundTask(logger.info, "in the background"))


@api.get("/temporary")
async def temporary() -> Response:
    """A file that is removed as soon as it has been handed over."""
    descriptor, path = tempfile.mkstemp()
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"x" * 200_000)
    return FileResponse(path, background=BackgroundTask(os.unlink, path))


@api.get("/finite")
async def finite() -> Response:
    """A stream that ends: until then it watches whether the client leaves."""
    return StreamingResponse(iter([b"1", b"2", b"3"]))


class Told(StreamingResponse):
    """One that says when it is over. Its generator may hear of that only when Python collects garbage."""

    async def __call__(self, *arguments: Any) -> None:
        try:
            await super().__call__(*arguments)
        finally:
            logger.info("the stream was cancelled")


@api.get("/stream")
async def stream() -> Response:
    """Endless, until the client leaves."""

    async def source() -> AsyncIterator[bytes]:
        while True:
            yield b"tick\n"
            await anyio.sleep(0.01)

    return Told(source())


@api.post("/upload")
async def upload(request: Request) -> Any:
    """The size of the body, and of its largest piece."""
    total = largest = 0
    async for chunk in request.stream():
        total += len(chunk)
        largest = max(largest, len(chunk))
    return [total, largest]


@api.get("/tasks")
async def tasks() -> Any:
    """What needs a real task, and a context of its own."""
    VARIABLE.set("set")
    seen: dict[str, Any] = {"context": [VARIABLE.get(), await asyncio.to_thread(VARIABLE.get)]}
    seen["task"] = type(asyncio.current_task()).__name__
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError:
        seen["timeout"] = True
    with anyio.move_on_after(0.01) as scope:
        await anyio.sleep(10)
    seen["scope"] = scope.cancelled_caught
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(10))
            group.create_task(_raise())
    except* ZeroDivisionError:
        seen["group"] = True
    seen["thread"] = await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(_answer))
    seen["backend"] = anyio.get_current_task().name is not None
    return seen


async def _raise() -> None:
    raise ZeroDivisionError


async def _answer() -> int:
    return 42


@api.get("/context")
async def context() -> str:
    return VARIABLE.get()


# -- WebSockets --


@api.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                logger.info("disconnected with %s", message["code"])
                return
            await websocket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect as end:
        logger.info("disconnected with %s", end.code)


@api.websocket("/storm/{count}")
async def storm(websocket: WebSocket, count: int) -> None:
    """Receives that are cancelled again and again."""
    await websocket.accept()
    seen: list[str] = []
    while len(seen) < count:
        with anyio.move_on_after(0.0005):
            seen.append(await websocket.receive_text())
    await websocket.send_json(seen == [str(number) for number in range(count)])


@api.websocket("/burst/{count}")
async def burst(websocket: WebSocket, count: int) -> None:
    """Sends that are started together."""
    await websocket.accept()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(websocket.send_text(str(number)))
    await websocket.receive()


@api.websocket("/deny")
async def deny(websocket: WebSocket) -> None:
    status = int(websocket.query_params["status"])
    await websocket.send_denial_response(JSONResponse({"a": 1}, status, {"x-a": "1"}))


@api.websocket("/exception")
async def exception(websocket: WebSocket) -> None:
    raise WebSocketException(1008, "no")


@api.websocket("/subprotocol")
async def subprotocol(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="chat", headers=[(b"x-a", b"1")])
    await websocket.send_text("accepted")


@api.websocket("/ticks")
async def ticks(websocket: WebSocket) -> None:
    """Only sends."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text("tick")
            await asyncio.sleep(0.01)
    except WebSocketDisconnect as end:
        logger.info("ticking ended with %s", end.code)


@api.websocket("/close")
async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(4001, "bye")
    logger.info("after the close: %s", await websocket._receive())


# -- what no app should do --


async def nasty(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await api(scope, receive, send)
    elif scope["path"].startswith("/nasty/"):
        await globals()["nasty_" + scope["path"].rpartition("/")[2]](scope, receive, send)
    else:
        await api(scope, receive, send)


async def nasty_raise(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError("secret")


async def nasty_seen(scope: Any, receive: Any, send: Any) -> None:
    """The path as the app sees it, and a header."""
    headers = [value for name, value in scope["headers"] if name == b"x-a"]
    body = json.dumps([scope["path"], scope["raw_path"], headers], default=_text).encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})


async def nasty_wait(scope: Any, receive: Any, send: Any) -> None:
    """Reads the first piece of the body, and the others when it is told to."""
    assert (await receive())["more_body"]
    GO_ON.clear()
    await GO_ON.wait()
    while (await receive())["type"] != "http.disconnect":
        pass
    logger.info("left in the body")


async def nasty_go(scope: Any, receive: Any, send: Any) -> None:
    GO_ON.set()
    await send({"type": "http.response.start", "status": 204})
    await send({"type": "http.response.body"})


async def nasty_exit(scope: Any, receive: Any, send: Any) -> None:
    raise SystemExit(3)


async def nasty_cancel(scope: Any, receive: Any, send: Any) -> None:
    raise asyncio.CancelledError


async def nasty_return(scope: Any, receive: Any, send: Any) -> None:
    return


async def nasty_twice(scope: Any, receive: Any, send: Any) -> None:
    for _ in range(2):
        await send({"type": "websocket.accept"})


async def nasty_accepts(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.gather(*(send({"type": "websocket.accept"}) for _ in range(3)))


async def nasty_status(scope: Any, receive: Any, send: Any) -> None:
    status = int(scope["query_string"])
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body"})


async def nasty_code(scope: Any, receive: Any, send: Any) -> None:
    """Closes with this code, before the accept and after it."""
    code = int(scope["query_string"])
    if code % 2:
        await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code})


async def nasty_close(scope: Any, receive: Any, send: Any) -> None:
    """Says goodbye while another task receives."""
    await send({"type": "websocket.accept"})
    receiving = asyncio.create_task(receive())
    await asyncio.sleep(0)
    await send({"type": "websocket.close"})
    await receiving


async def nasty_outlive(scope: Any, receive: Any, send: Any) -> None:
    """Leaves a task that goes on after it."""
    await send({"type": "websocket.accept"})
    KEPT.append(asyncio.create_task(_outlive(receive, send)))


async def _outlive(receive: Any, send: Any) -> None:
    while (await receive())["type"] != "websocket.disconnect":
        pass
    await send({"type": "websocket.send", "text": "late"})


KEPT: list[Any] = []
GO_ON = asyncio.Event()

app = from_asgi(nasty)
ignoring = from_asgi(nasty, on_unsupported="ignore")
