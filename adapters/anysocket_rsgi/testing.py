"""Testing RSGI apps without Granian: a server in memory that behaves as Granian was measured to.

    from anysocket_rsgi.testing import connect

    async def test_room():
        async with connect(app, "/rooms/a") as peer:
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"

It is less forgiving than Granian of today: a handshake left without an answer raises :class:`ProcessDied`,
because it ends the server process of Granian up to 2.8.5.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Literal
from urllib.parse import unquote

from anysocket import Message
from anysocket._errors import HeaderPairs
from anysocket.testing._memory import DEFAULT_TIMEOUT, MemoryPeer, play, request_headers
from anysocket_rsgi._double import Connection, ProcessDied, Protocol
from anysocket_rsgi._request import Headers
from anysocket_rsgi._request import Scope as RequestScope

__all__ = ["Headers", "ProcessDied", "RSGIPeer", "Scope", "connect", "worker"]

logger = logging.getLogger("anysocket")


def _readable(value: bytes) -> bool:
    """Granian cannot read a value with anything but visible ASCII."""
    return all(32 <= byte < 127 or byte == 9 for byte in value)


class Scope(RequestScope):
    """RSGI 1.6's scope of a WebSocket."""

    def __init__(self, path: str, headers: HeaderPairs, subprotocols: Sequence[str]) -> None:
        raw_path, _, query_string = path.partition("?")
        upgrade = [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-version", b"13")]
        pairs = [*request_headers(headers, subprotocols), *upgrade]
        super().__init__(
            "ws",
            unquote(raw_path),
            query_string,
            Headers(pairs, readable=_readable),
            client="127.0.0.1:50000",
            server="127.0.0.1:80",
        )


class RSGIPeer(MemoryPeer):
    """A client that sees what Granian does and leaves undone."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        super().__init__(connection.to_app, connection.to_peer, timeout)
        self._connection = connection

    async def ping(self, timeout: float | None = None) -> None:
        """Send a ping and wait for its pong: Granian answers while the app receives, and only then."""
        await self._bounded(self._connection.reading.wait(), "a pong", timeout or self.timeout)

    async def wait_close_answered(self, timeout: float | None = None) -> None:
        """Wait for the answer to this peer's :meth:`close`: it comes when the app, having received the close,
        closes as well or goes on receiving."""
        waiting = self._connection.close_answered.wait()
        await self._bounded(waiting, "the close to be answered", timeout or self.timeout)

    async def wait_ended(self, timeout: float | None = None) -> bool:
        """Wait for the end of TCP, which needs a close and nobody who holds the app's transport object.
        Whether it is an orderly one: an app that has not read to the end leaves a reset."""
        ended = asyncio.shield(self._connection.ended_in_order)
        return await self._bounded(_result(ended), "the end of TCP", timeout or self.timeout)

    async def _send_close(self, message: Message) -> None:
        # The app may send on until it has read our close frame.
        self._connection.peer_close = message
        self._to_app.end(message)


async def _result(future: asyncio.Future[bool]) -> bool:
    return await future


@asynccontextmanager
async def connect(
    app: Any,
    path: str,
    *,
    headers: HeaderPairs = (),
    subprotocols: Sequence[str] = (),
    runtime_mode: Literal["st", "mt"] = "st",
    timeout: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[RSGIPeer]:
    """Connect to an RSGI app, ``path`` with its query, in memory and in this event loop.

    As :func:`anysocket.testing.connect`: raises ``Refused``, and the handler must end with its peer. Raises
    :class:`ProcessDied`, on entering or on leaving, if the app did what ends Granian's process. Cancelled
    before the handshake's answer, the peer is one that left: the app is told by ``accept()``.
    ``runtime_mode`` ``"mt"`` reorders sends that are started together. :func:`worker` runs ``__rsgi_init__``.
    """
    connection = Connection(runtime_mode, lambda connection: RSGIPeer(connection, timeout))
    scope = Scope(path, headers, subprotocols)
    handler = asyncio.create_task(_run(getattr(app, "__rsgi__", app), scope, connection))
    try:
        try:
            await asyncio.wait({connection.answer}, timeout=timeout)
        except asyncio.CancelledError:
            connection.answer.cancel()
            await asyncio.wait({handler}, timeout=timeout)
            raise
        if connection.died is None:
            async with play(handler, connection.answer, timeout) as peer:
                yield peer
    finally:
        handler.cancel()
        if connection.died is not None:
            raise connection.died


async def _run(app: Callable[[Any, Any], Awaitable[object]], scope: Scope, connection: Connection) -> None:
    """The app's part of a connection; whatever it raises, Granian logs and closes."""
    protocol = Protocol(connection)
    try:
        await app(scope, protocol)
    except ProcessDied:
        return
    except Exception:
        # As text: a kept traceback would keep the transport object, and with it TCP.
        logger.error("the RSGI app raised an exception\n%s", traceback.format_exc())
    finally:
        # Cancelled by connect(), it has failed the test already.
        task = asyncio.current_task()
        if task is None or not task.cancelling():
            with suppress(ProcessDied):
                protocol.close()


@contextmanager
def worker(app: Any) -> Iterator[asyncio.AbstractEventLoop]:
    """A worker's life: ``__rsgi_init__`` before its event loop runs and ``__rsgi_del__`` after. Gives the
    loop, for ``loop.run_until_complete(…)``. ``SystemExit`` comes out if the app refuses to start."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        getattr(app, "__rsgi_init__", _nothing)(loop)
        yield loop
        getattr(app, "__rsgi_del__", _nothing)(loop)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _nothing(loop: asyncio.AbstractEventLoop) -> None:
    pass
