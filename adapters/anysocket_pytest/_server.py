"""What the fixtures give: an app that is being served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from anysocket_pytest._background import Background
from anysocket_pytest._connection import Connection, require_asyncio

if TYPE_CHECKING:
    import subprocess

    from anysocket_servers import ProcessRunning, Response, Running, Server

TIMEOUT = 5.0
STOP_TIMEOUT = 15.0

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


class AnysocketServer:
    """An app on one server.

    Calls that wait are coroutines; a test that is none finds them, blocking, in ``sync``. ``connect`` is for
    both. What anything waits for is bounded.
    """

    def __init__(self, running: Running, background: Background) -> None:
        self.running = running
        """The :class:`anysocket_servers.Running` behind this, for what is not here."""
        self._background = background

    @property
    def sync(self) -> SyncServer:
        """The calls that wait, for tests that are no coroutines."""
        return SyncServer(self, self._background)

    @property
    def name(self) -> str:
        """The server's name, as in the mark."""
        return self.running.name

    @property
    def server(self) -> Server:
        """Its row in the table of servers: ``interface``, ``capabilities``, ``process`` and more."""
        return self.running.server

    @property
    def url(self) -> str:
        """The address for HTTP, without a path: the origin of the app's own pages."""
        return self.running.url

    @property
    def websocket_url(self) -> str:
        """The address for WebSockets, without a path. Nothing listens there where the app runs in memory."""
        return self.running.websocket_url

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, for signals. ``RuntimeError`` where the app runs in the test's own process, which
        ``server.process`` tells."""
        return self._process_running().process

    def _process_running(self) -> ProcessRunning:
        from anysocket_servers import ProcessRunning

        if not isinstance(self.running, ProcessRunning):
            raise RuntimeError(f"{self.name} runs in the test's own process: name other servers in the mark")
        return self.running

    def connect(
        self,
        path: str,
        headers: Headers = (),
        subprotocols: Sequence[str] = (),
        origin: str | None = None,
        timeout: float = TIMEOUT,
    ) -> Connection:
        """A connection to ``path`` (with its query), to be entered by ``async with`` or by ``with``.
        ``timeout`` is how many seconds its peer waits for anything, ``origin`` plays a browser's page."""
        connecting = self.running.connect(path, pairs(headers), subprotocols, origin, timeout)
        return Connection(connecting, self._background)

    async def request(
        self, method: str, path: str, *, json: Any = None, body: bytes | None = None, headers: Headers = ()
    ) -> Response:
        """One HTTP request with ``json`` or ``body`` as its content: the response's ``status``, ``headers``,
        ``body``, ``text`` and ``json()``. Raises what httpx2 does, after 10 s at the latest."""
        require_asyncio()
        return await self.running.request(method, path, json=json, body=body, headers=pairs(headers))

    def log(self) -> str:
        """What server and app have logged and printed since the test began. In memory and with the
        TestClient: what was logged from WARNING on."""
        return self.running.log()

    async def logged(self, text: str, timeout: float = TIMEOUT) -> str:
        """Wait until ``log()`` has ``text``, and return it; ``AssertionError`` after ``timeout`` seconds."""
        require_asyncio()
        return await self.running.logged(text, timeout)

    async def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Let the server end, by force after ``timeout`` seconds. For servers of ``anysocket_start`` only:
        others serve the tests that follow."""
        require_asyncio()
        import asyncio

        # On a thread, since the server waits for its clients, which may run on this loop.
        await asyncio.to_thread(self.running.stop, timeout)

    async def ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait until the process has ended, and return its status; ``AssertionError`` after ``timeout``
        seconds. ``RuntimeError`` as ``process``."""
        require_asyncio()
        try:
            return await self._process_running().ended(timeout)
        except TimeoutError:
            raise AssertionError(
                f"expected the end of {self.name} within {timeout:g} s, it goes on"
            ) from None


class SyncServer:
    """The calls of an :class:`AnysocketServer` that wait, under the same names, blocking."""

    def __init__(self, server: AnysocketServer, background: Background) -> None:
        self._server = server
        self._background = background

    def request(
        self, method: str, path: str, *, json: Any = None, body: bytes | None = None, headers: Headers = ()
    ) -> Response:
        """As :meth:`AnysocketServer.request`."""
        return self._background.run(self._server.request(method, path, json=json, body=body, headers=headers))

    def logged(self, text: str, timeout: float = TIMEOUT) -> str:
        """As :meth:`AnysocketServer.logged`."""
        return self._background.run(self._server.logged(text, timeout))

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """As :meth:`AnysocketServer.stop`."""
        self._background.run(self._server.stop(timeout))

    def ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """As :meth:`AnysocketServer.ended`."""
        return self._background.run(self._server.ended(timeout))


class AnysocketStart(Protocol):
    """The type of the fixture ``anysocket_start``."""

    def __call__(
        self,
        app: str | None = None,
        *,
        arguments: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AnysocketServer:
        """Start a server that is this test's alone; what is not given is what the mark says. Fails the test
        if the server does not come up within 20 s."""
        ...


def pairs(headers: Headers) -> list[tuple[str, str]]:
    """Headers as pairs."""
    return list(headers.items()) if isinstance(headers, Mapping) else list(headers)
