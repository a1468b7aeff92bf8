"""An ASGI server that plays a script: what it hands to the app, what the app sends it, how it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from anysocket import App

CONNECT = {"type": "websocket.connect"}
UNKNOWN = "some_server.protocol"
GRANIAN = "granian._granian"
UVICORN = "uvicorn.protocols.websockets.websockets_sansio_impl"
LEGACY = "uvicorn.protocols.websockets.websockets_impl"
HYPERCORN = "hypercorn.protocol.ws_stream"
DAPHNE = "daphne.server"
TESTCLIENT = "anyio.streams.memory"
TIMEOUT = 5.0


def text(data: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": data}


def disconnect(*code: int | None, **extra: Any) -> dict[str, Any]:
    return {"type": "websocket.disconnect", **({"code": code[0]} if code else {}), **extra}


def websocket_scope(path: str = "/", **changes: Any) -> dict[str, Any]:
    scope: dict[str, Any] = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.com")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    scope.update(changes)
    return {name: value for name, value in scope.items() if value is not ABSENT}


ABSENT = object()
"""A key that a scope lacks."""


class Script:
    """``receive`` hands out ``events`` and then waits; ``sent`` is what the app sent. ``fail`` may raise."""

    def __init__(self, *events: dict[str, Any], fail: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for event in events:
            self.events.put_nowait(event)
        self.sent: list[dict[str, Any]] = []
        self.changed = asyncio.Event()
        self.fail = fail

    async def receive(self) -> dict[str, Any]:
        return await self.events.get()

    async def send(self, event: dict[str, Any]) -> None:
        if self.fail is not None:
            self.fail(event)
        self.sent.append(event)
        self.changed.set()

    async def sends(self, kind: str) -> dict[str, Any]:
        """Wait until an event of this type was sent."""
        async with asyncio.timeout(TIMEOUT):
            while not (found := [event for event in self.sent if event["type"] == kind]):
                self.changed.clear()
                await self.changed.wait()
        return found[-1]

    def types(self) -> list[str]:
        return [event["type"] for event in self.sent]


def server(module: str, *events: dict[str, Any], fail: Any = None, base: type[Script] = Script) -> Script:
    """A script whose ``send`` comes from ``module``, as a server's is known by that."""
    kind = type("Server", (base,), {"__module__": module})
    return kind(*events, fail=fail)


async def run(app: Callable[..., Awaitable[None]], scope: dict[str, Any], script: Script) -> Script:
    """The app on this scope, to its end."""
    async with asyncio.timeout(TIMEOUT):
        await app(scope, script.receive, script.send)
    return script


def app_of(handler: Callable[..., Awaitable[object]], **options: Any) -> App:
    """An app of one route, ``/``."""
    app = App(**options)
    app.websocket("/")(handler)
    return app


async def play(handler: Callable[..., Awaitable[object]], script: Script, **scope: Any) -> Script:
    """One connection to ``handler``."""
    return await run(app_of(handler), websocket_scope(**scope), script)
