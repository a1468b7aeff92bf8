"""A client's connection, for coroutines and for tests without any."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from anysocket_pytest._background import Background

if TYPE_CHECKING:
    from anysocket import Headers, Message
    from anysocket.testing import Peer

Result = TypeVar("Result")


class Connection:
    """What ``anysocket_server.connect(…)`` returns, to be entered once.

    ``async with`` gives an :class:`anysocket.testing.Peer` in the test's own event loop of asyncio, ``with``
    a :class:`SyncPeer`. Both raise :class:`anysocket.testing.Refused` where the app refuses, and
    ``AssertionError`` when the handshake is not answered within 10 s. Leaving closes the connection.
    """

    def __init__(self, connecting: AbstractAsyncContextManager[Peer], background: Background) -> None:
        self._connecting = connecting
        self._background = background

    async def __aenter__(self) -> Peer:
        require_asyncio()
        return await self._connecting.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connecting.__aexit__(kind, error, traceback)

    def __enter__(self) -> SyncPeer:
        return SyncPeer(self._background.run(self._connecting.__aenter__()), self._background)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._background.run(self._connecting.__aexit__(kind, error, traceback))


class SyncPeer:
    """:class:`anysocket.testing.Peer` for tests that are no coroutines: the same calls, which block.

    What each waits for is bounded as there, by ``timeout`` seconds if the call has no other bound, and fails
    with an ``AssertionError`` that says what was expected and what came instead.
    """

    def __init__(self, peer: Peer, background: Background) -> None:
        self._peer = peer
        self._background = background

    def _run(self, call: Coroutine[Any, Any, Result]) -> Result:
        __tracebackhide__ = True
        return self._background.run(call)

    @property
    def subprotocol(self) -> str | None:
        """The one that was agreed on."""
        return self._peer.subprotocol

    @property
    def response_headers(self) -> Headers:
        """The headers that ``accept()`` answered."""
        return self._peer.response_headers

    @property
    def timeout(self) -> float:
        """Seconds that a call waits at most, unless it says otherwise."""
        return self._peer.timeout

    def send(self, data: str | bytes) -> None:
        """Send ``str`` as a text message, ``bytes`` as a binary one; as :meth:`send_text`."""
        self._run(self._peer.send(data))

    def send_text(self, data: str) -> None:
        """Send a text message; waits while the app reads too slowly. ``ConnectionClosed`` after the end."""
        self._run(self._peer.send_text(data))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message; as :meth:`send_text`."""
        self._run(self._peer.send_bytes(data))

    def send_json(self, data: object) -> None:
        """Send a text message of JSON."""
        self._run(self._peer.send_json(data))

    def receive(self, timeout: float | None = None) -> Message:
        """The next message of any type; a close comes once, then ``ConnectionClosed``."""
        return self._run(self._peer.receive(timeout))

    def receive_text(self, timeout: float | None = None) -> str:
        """The next message, which must be text."""
        return self._run(self._peer.receive_text(timeout))

    def receive_bytes(self, timeout: float | None = None) -> bytes:
        """The next message, which must be binary."""
        return self._run(self._peer.receive_bytes(timeout))

    def receive_json(self, timeout: float | None = None) -> Any:
        """The next message, which must be text of JSON."""
        return self._run(self._peer.receive_json(timeout))

    def receive_close(self, timeout: float | None = None) -> Message:
        """The close frame of the app, which must be next: its ``code`` and ``reason``."""
        return self._run(self._peer.receive_close(timeout))

    def receive_nothing(self, seconds: float = 0.1) -> None:
        """Fail if anything comes within ``seconds``."""
        self._run(self._peer.receive_nothing(seconds))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame, without waiting for the answer, which ``receive`` tells."""
        self._run(self._peer.close(code, reason))

    def abort(self) -> None:
        """Vanish without a close frame, as a client whose connection is reset (TCP RST)."""
        self._run(self._peer.abort())

    def hang_up(self) -> None:
        """Vanish without a close frame, as a client whose process has ended (TCP FIN)."""
        self._run(self._peer.hang_up())


def require_asyncio() -> None:
    """``RuntimeError`` outside asyncio's event loop, as under trio."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "the clients of anysocket's fixtures run on asyncio only: run the test on it"
            " (anyio: a fixture anyio_backend that returns 'asyncio'), or use `with` in place of `async with`"
        ) from None
