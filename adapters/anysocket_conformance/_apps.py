"""The two apps that a server under test runs: every case under anysocket, and every case without it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from anysocket import App
from anysocket.testing._case import Case, build_app, staged
from anysocket_conformance._bare import BareASGI, BareRSGI
from anysocket_conformance._remote import CASE, FOLDER, RemoteBackstage
from anysocket_conformance.cases import ALL_CASES

BACKSTAGE = RemoteBackstage(os.environ.get(FOLDER, ""))


def _first(path: str) -> str:
    return path.split("/")[1] if path.startswith("/") else ""


class Contract:
    """Each case as an app of its own, chosen by the first segment of the path. One lifespan is around all.
    Cases that have a server of their own are left out: some do not even start."""

    def __init__(self) -> None:
        shared = [case for case in ALL_CASES if not case.own_server]
        self._apps: dict[str, App] = {case.name: build_app(case, BACKSTAGE) for case in shared}
        self._main = App(lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: App) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for each in self._apps.values():
                await each.lifespan.start()
                stack.push_async_callback(each.lifespan.stop)
            yield

    def _app(self, path: str) -> App:
        return self._apps.get(_first(path), self._main)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._main(scope, receive, send)
            return
        app = self._app(scope["path"])
        # As a server does it that ran the lifespan of this app.
        await app({**scope, "state": {**scope.get("state", {}), **app.lifespan.state}}, receive, send)

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[None]:
        return self._app(scope.path).__rsgi__(scope, protocol)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._main.__rsgi_init__(loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._main.__rsgi_del__(loop)


class Bare:
    """Each case's handler on the server's own interface."""

    def __init__(self) -> None:
        self._handlers = {case.name: staged(case.handler, BACKSTAGE) for case in ALL_CASES}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            handler = self._handlers.get(_first(scope["path"]))
            if handler is not None:
                await handler(BareASGI(scope, receive, send))
        else:
            headers = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "ws":
            protocol.response_empty(404, [])
            return
        handler = self._handlers.get(_first(scope.path))
        if handler is not None:
            await handler(BareRSGI(scope, protocol))


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def case_named(name: str) -> Case:
    """The case of this name."""
    return next(case for case in ALL_CASES if case.name == name)


alone = os.environ.get(CASE)
contract = build_app(case_named(alone), BACKSTAGE) if alone else Contract()
bare = Bare()
