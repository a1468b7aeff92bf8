"""An app that is being served: by a server process, by Starlette's TestClient, or in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import httpx2
from starlette.testclient import TestClient, WebSocketTestSession

from anysocket import testing
from clients import TIMEOUT, Handshake, Pairs, Peer, Response, connect_socket, request_http
from in_process import CallThread, LoopThread, connect_memory, connect_testclient

if TYPE_CHECKING:
    from servers import Server

START_TIMEOUT = 20.0
"""Seconds until a server must serve."""
STOP_TIMEOUT = 15.0
"""Seconds between SIGTERM and SIGKILL: longer than the default drain of an app."""


class StartError(Exception):
    """The server did not come up; the message has its log."""


class Running(ABC):
    """An app that is being served. ``url`` and ``websocket_url`` are its addresses without a path."""

    url = "http://testserver"
    websocket_url = "ws://testserver"
    port = 80

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = server.name
        self._mark = 0

    @abstractmethod
    def _connect(self, handshake: Handshake) -> AbstractAsyncContextManager[Peer]: ...

    def connect(
        self, path: str, headers: Pairs = (), subprotocols: Sequence[str] = (), origin: str | None = None
    ) -> AbstractAsyncContextManager[Peer]:
        """A peer that is connected inside ``async with``. Raises ``clients.Refused``."""
        return self._connect(Handshake(path, tuple(headers), tuple(subprotocols), origin))

    async def request(
        self, method: str, path: str, *, json: Any = None, body: bytes | None = None, headers: Pairs = ()
    ) -> Response:
        """One HTTP request; ``json`` or ``body`` is its content."""
        content: dict[str, Any] = {"headers": list(headers)}
        if json is not None:
            content["json"] = json
        if body is not None:
            content["content"] = body
        return await self._request(method, path, content)

    @abstractmethod
    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response: ...

    @abstractmethod
    def alive(self) -> bool:
        """Whether the server can still serve."""

    @abstractmethod
    def _whole_log(self) -> str: ...

    def log(self) -> str:
        """What server and app have logged and printed since ``mark()``, or since the start."""
        return self._whole_log()[self._mark :]

    def mark(self) -> None:
        """Let ``log()`` begin here; ``serve`` does it for each test."""
        self._mark = len(self._whole_log())

    async def logged(self, text: str, timeout: float = 5.0) -> str:
        """Wait until ``log()`` has ``text``, and return the log; fail after ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while text not in self.log():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: {text!r} not logged within {timeout:g} s:\n{self.log()}")
            await asyncio.sleep(0.01)
        return self.log()

    def ask_to_stop(self) -> None:
        """Begin to stop, without waiting."""

    @abstractmethod
    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop: gracefully within ``timeout`` seconds, or else by force. Nothing is left running."""


class ProcessRunning(Running):
    """A server process on a free loopback port. ``process`` is its handle, for signals."""

    def __init__(self, server: Server, command: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(server)
        for _ in range(3):  # a port that was free may be taken by anyone before the server binds it
            self._start(command, environment)
            if self._serves(server.ready):
                return
            self.stop()
            if "address already in use" not in self._whole_log().lower():
                break
        raise StartError(f"{self.name} did not start:\n{self._whole_log()}")

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.websocket_url = f"ws://127.0.0.1:{self.port}"
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open until stop()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *(part.replace("{port}", str(self.port)) for part in command)],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that its workers can be ended with it
        )

    def _serves(self, ready: str) -> bool:
        end = time.monotonic() + START_TIMEOUT
        while self.alive() and time.monotonic() < end:
            if ready in self._whole_log():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    return True
            time.sleep(0.02)
        return False

    def _connect(self, handshake: Handshake) -> AbstractAsyncContextManager[Peer]:
        return connect_socket(self.name, self.websocket_url, handshake)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        return await request_http(self.url, method, path, content, None)

    def alive(self) -> bool:
        return self.process.poll() is None

    async def ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end of the process and return its status; ``TimeoutError`` after ``timeout``."""
        async with asyncio.timeout(timeout):
            while (status := self.process.poll()) is None:
                await asyncio.sleep(0.01)
        return status

    def _whole_log(self) -> str:
        if self._output.closed:
            return self._last_log
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def ask_to_stop(self) -> None:
        if self.alive():
            self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        with contextlib.suppress(ProcessLookupError):  # what is left of the group: nothing, if all went well
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._last_log = self._whole_log()
        self._output.close()


class InProcessRunning(Running):
    """An app in this process; its log is what is logged here from WARNING on, as servers print it."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._records: list[str] = []
        self._alive = True
        self._handler = logging.Handler()
        self._handler.setFormatter(logging.Formatter("[%(levelname)s] %(name)s: %(message)s"))
        self._handler.emit = lambda record: self._records.append(  # type: ignore[method-assign]
            self._handler.format(record) + "\n"
        )
        logging.getLogger().addHandler(self._handler)

    def alive(self) -> bool:
        return self._alive

    def _whole_log(self) -> str:
        return "".join(self._records)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        self._alive = False
        logging.getLogger().removeHandler(self._handler)


def _logging_errors(app: Any) -> Any:
    """``app``, with what it lets out in the log, as every server does it."""

    async def logging_app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception:
            logging.getLogger("tests").exception("exception in the ASGI app")
            raise

    return logging_app


class TestClientRunning(InProcessRunning):
    """Starlette's TestClient, entered once: HTTP and WebSockets share one event loop and one lifespan."""

    __test__ = False

    def __init__(self, server: Server, app: Any) -> None:
        super().__init__(server)
        self._client = TestClient(_logging_errors(app), base_url=self.url, raise_server_exceptions=False)
        self._calls = CallThread(self.name)
        self._sessions: list[WebSocketTestSession] = []
        self._calls.submit(self._client.__enter__).result(START_TIMEOUT)

    def _connect(self, handshake: Handshake) -> AbstractAsyncContextManager[Peer]:
        return connect_testclient(self.name, self._client, handshake, self._sessions)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        calls = CallThread(f"{self.name} {path}")
        try:
            response = await calls.call(lambda: self._client.request(method, path, **content), 2 * TIMEOUT)
        finally:
            calls.stop()
        return Response(response.status_code, response.headers, response.content)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        # What a handler raised was the business of the test that saw it, and one that hangs is left behind.
        with contextlib.suppress(Exception):
            self._calls.submit(self._leave).result(timeout)
        self._calls.stop()
        super().stop()

    def _leave(self) -> None:
        for session in self._sessions:
            with contextlib.suppress(Exception):
                session.__exit__(None, None, None)
        self._client.__exit__()


class MemoryRunning(InProcessRunning):
    """``anysocket.testing`` and ASGI's HTTP in memory, on one event loop that is not the test's."""

    def __init__(self, server: Server, app: Any) -> None:
        super().__init__(server)
        self._app = app
        self._loop = LoopThread(self.name)
        self._lifespan = testing.lifespan(app)
        self._loop.submit(self._lifespan.__aenter__()).result(START_TIMEOUT)

    def _connect(self, handshake: Handshake) -> AbstractAsyncContextManager[Peer]:
        return connect_memory(self.name, self._app, handshake, self._loop)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        transport = httpx2.ASGITransport(_logging_errors(self._app), raise_app_exceptions=False)
        return await self._loop.call(request_http(self.url, method, path, content, transport))

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        with contextlib.suppress(TimeoutError):
            self._loop.submit(self._lifespan.__aexit__(None, None, None)).result(timeout)
        self._loop.stop()
        super().stop()
