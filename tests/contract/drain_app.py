"""Handlers that end well and handlers that do not, for the end of the server.

Whatever a handler has to tell of its end is a line in the file that ``NOTES`` names, as its peer is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect

from anysocket import App, WebSocket, WebSocketManager
from anysocket_rsgi import from_asgi

NOTES = os.environ["NOTES"]
TIMEOUT = float(os.environ.get("DRAIN_TIMEOUT", "10"))
DELAY = float(os.environ.get("DRAIN_DELAY", "0"))


def note(text: str) -> None:
    with open(NOTES, "a") as notes:
        notes.write(f"{text}\n")


def listen_too() -> None:
    """What a program may do that wants to hear of the signal, too."""
    before: Any = signal.getsignal(signal.SIGTERM)

    def heard(*arguments: Any) -> None:
        note("own handler")
        before(*arguments)

    signal.signal(signal.SIGTERM, heard)


@contextlib.asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any]]:
    if "LISTEN_TOO" in os.environ:
        listen_too()
    yield {}
    note("lifespan")


app = App(lifespan=lifespan, drain_timeout=TIMEOUT, drain_delay=DELAY)
manager = WebSocketManager()
may_end = asyncio.Event()


def noting(path: str) -> Callable[[Any], Any]:
    """Route to a handler that accepts, says so, and notes its path when it has unwound."""

    def register(wait: Any) -> Any:
        @app.websocket(path)
        async def handler(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text("in")
            try:
                await wait(websocket)
            finally:
                note(path)

        return wait

    return register


@noting("/receive")
async def receive(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass


@noting("/sleep")
async def sleep(websocket: WebSocket) -> None:
    await asyncio.Event().wait()


@noting("/send")
async def send(websocket: WebSocket) -> None:
    while True:
        await websocket.send_text("more")
        await asyncio.sleep(0.05)


@noting("/swallow")
async def swallow(websocket: WebSocket) -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


@noting("/swallow-all")
async def swallow_all(websocket: WebSocket) -> None:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.sleep(3600)


@noting("/flood")
async def flood(websocket: WebSocket) -> None:
    while True:
        await websocket.send_bytes(bytes(65536))
        await asyncio.sleep(0)  # Where the server takes whatever it is given.


@noting("/tidy-up")
async def tidy_up(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass
    await may_end.wait()


@app.post("/may-end")
async def let_end(request: Any) -> str:
    may_end.set()
    return "yes"


@app.get("/ready")
async def ready(request: Any) -> tuple[str, int]:
    return ("yes", 200) if app.ready else ("no", 503)


@app.websocket("/busy/<int:number>")
async def busy(websocket: WebSocket, number: int) -> None:
    """Queues a batch of numbered messages whenever the peer asks, and notes how many there were."""
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    queued = 0
    try:
        async for _ in websocket:
            for _ in range(20):
                queued += await manager.send_to(websocket.id, str(queued))
    finally:
        note(f"busy {number} {queued}")


# -- connections of others --


async def mounted_receive(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        note("disconnect")
    finally:
        note("mounted receive")


async def mounted_sleep(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    try:
        await asyncio.Event().wait()
    finally:
        note("mounted sleep")


async def mounted_swallow(websocket: StarletteWebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("in")
    try:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    finally:
        note("mounted swallow")


starlette_app = Starlette(
    routes=[
        WebSocketRoute("/receive", mounted_receive),
        WebSocketRoute("/sleep", mounted_sleep),
        WebSocketRoute("/swallow", mounted_swallow),
    ]
)
app.mount("/mounted", starlette_app)
bridged = from_asgi(Starlette(routes=starlette_app.routes), drain_timeout=TIMEOUT)
