"""An app that is served in this process: by Starlette's TestClient, or in memory."""

from __future__ import annotations

import contextlib
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
from starlette.testclient import TestClient, WebSocketTestSession

from anysocket import testing
from anysocket.testing import Peer
from anysocket_servers._endpoint import TIMEOUT
from anysocket_servers._handshake import Handshake
from anysocket_servers._in_process import connect_memory, connect_testclient
from anysocket_servers._requests import Response, send_request
from anysocket_servers._running import START_TIMEOUT, STOP_TIMEOUT, Running
from anysocket_servers._table import Server
from anysocket_servers._threads import CallThread, LoopThread

logger = logging.getLogger("anysocket.servers")


class LocalRunning(Running):
    """An app in this process; its log is what is logged here from WARNING on, as servers print it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._records: list[str] = []
        self._serves = True
        self._handler = logging.Handler()
        self._handler.setFormatter(logging.Formatter("[%(levelname)s] %(name)s: %(message)s"))
        self._handler.emit = lambda record: self._records.append(  # type: ignore[method-assign]
            self._handler.format(record) + "\n"
        )
        logging.getLogger().addHandler(self._handler)

    def alive(self) -> bool:
        return self._serves

    def _whole_log(self) -> str:
        return "".join(self._records)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        self._serves = False
        logging.getLogger().removeHandler(self._handler)


def _logging_errors(app: Any) -> Any:
    """``app``, with what it lets out in the log, as every server does it."""

    async def logging_app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            logger.exception("exception in the ASGI app")
            raise

    return logging_app


def _raising_failed_start(app: Any) -> Any:
    """``app``, raising when it has told that its start failed: TestClient takes a start that is only told to
    have failed for done."""

    async def raising_app(scope: Any, receive: Any, send: Any) -> None:
        failures: list[str] = []

        async def watched(message: Any) -> None:
            if message["type"] == "lifespan.startup.failed":
                failures.append(message.get("message", ""))
            await send(message)

        await app(scope, receive, watched if scope["type"] == "lifespan" else send)
        if failures:
            raise RuntimeError(failures[0])

    return raising_app


class TestClientRunning(LocalRunning):
    """Starlette's TestClient, entered once: HTTP and WebSockets share one event loop and one lifespan."""

    __test__ = False

    def __init__(self, server: Server, app: Any) -> None:
        super().__init__(server)
        self._exited = False
        served = _raising_failed_start(_logging_errors(self._telling_exits(app)))
        self._client = TestClient(served, base_url=self.url, raise_server_exceptions=False)
        self._calls = CallThread(self.name)
        self._sessions: list[WebSocketTestSession] = []
        try:
            self._calls.submit(self._client.__enter__).result(START_TIMEOUT)
        except BaseException:
            self._calls.stop()
            super().stop()
            raise

    def _telling_exits(self, app: Any) -> Any:
        """``app``, whose exit takes the event loop of all connections with it."""

        async def telling_app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await app(scope, receive, send)
            except SystemExit:
                self._exited = True
                raise

        return telling_app

    def alive(self) -> bool:
        return super().alive() and not self._exited

    def _connect(self, handshake: Handshake, timeout: float) -> AbstractAsyncContextManager[Peer]:
        return connect_testclient(self.name, self._client, handshake, self._sessions, timeout)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        calls = CallThread(f"{self.name} {path}")
        try:
            response = await calls.call(lambda: self._client.request(method, path, **content), 2 * TIMEOUT)
        finally:
            calls.stop()
        return Response(response.status_code, response.headers, response.content)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        if not self._serves:
            return
        if self.alive():
            # What a handler raised was the business of the test that saw it, one that hangs is left behind.
            with contextlib.suppress(Exception):
                self._calls.submit(self._leave).result(timeout)
        self._calls.stop()
        super().stop()

    def _leave(self) -> None:
        for session in self._sessions:
            with contextlib.suppress(Exception):
                session.__exit__(None, None, None)
        self._client.__exit__()


class MemoryRunning(LocalRunning):
    """``anysocket.testing`` and ASGI's HTTP in memory, on one event loop that is not the test's."""

    def __init__(self, server: Server, app: Any) -> None:
        super().__init__(server)
        self._app = app
        self._loop = LoopThread(self.name)
        self._lifespan = testing.lifespan(app)
        try:
            self._loop.submit(self._lifespan.__aenter__()).result(START_TIMEOUT)
        except BaseException:
            self._loop.stop()
            super().stop()
            raise

    def _connect(self, handshake: Handshake, timeout: float) -> AbstractAsyncContextManager[Peer]:
        return connect_memory(self._app, handshake, self._loop, timeout)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        transport = httpx2.ASGITransport(_logging_errors(self._app), raise_app_exceptions=False)
        return await self._loop.call(send_request(self.url, method, path, content, transport))

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        if not self.alive():
            return
        try:
            self._loop.submit(self._lifespan.__aexit__(None, None, None)).result(timeout)
        except Exception:  # As on every server: it is in the log, and the end comes all the same.
            logger.exception("the app did not end well")
        self._loop.stop()
        super().stop()
