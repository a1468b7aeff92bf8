"""What wants to know how an app is doing: metrics, traces, reports of errors."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING

from anysocket._errors import ConnectionClosed

if TYPE_CHECKING:
    from anysocket._manager import WebSocketManager
    from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")


class Observer:
    """Told of connections by ``App(observers=[…])``, and of rooms by ``WebSocketManager(observers=[…])``.

    Override what is of interest; by itself it does nothing. All of it is called in the event loop, between
    messages: be quick, never block, await nothing. What it raises is logged and changes nothing for anybody.
    An observer may serve several apps and managers.
    """

    def around_connection(self, websocket: WebSocket, route: str) -> AbstractContextManager[object]:
        """A context manager around all of a connection, from its handshake until its handler has ended and
        the server has let go of it. The handler runs inside, in the same :mod:`contextvars` context.

        ``route`` is the path as it was registered, ``"/rooms/<room>"``; ``""`` where none matches.
        """
        return nullcontext()

    def on_accepted(self, websocket: WebSocket) -> None:
        """The upgrade was accepted."""

    def on_refused(self, websocket: WebSocket, status: int, limit: str) -> None:
        """The upgrade was refused with this HTTP status. ``limit`` names what stood against it:
        ``"origin"``, ``"route"`` (there is none), ``"draining"``, or a limit; ``""`` for the handler."""

    def on_failed(self, websocket: WebSocket, error: BaseException) -> None:
        """The handler has failed with this exception, which is in the log as well."""

    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        """A connection that was accepted has ended: nothing can be sent any more. Told once for each."""

    def on_manager(self, manager: WebSocketManager) -> None:
        """A manager was made that tells this observer of its broadcasts."""

    def on_broadcast(
        self, manager: WebSocketManager, rooms: tuple[str, ...], recipients: int, seconds: float
    ) -> None:
        """A message was queued to this many connections, in this time; ``rooms`` is empty where it went to
        all of them."""


class Observers:
    """Several observers as one, whose failures end in the log."""

    __slots__ = ("_each",)

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._each = tuple(observers)
        for observer in self._each:
            if not isinstance(observer, Observer):
                raise TypeError(f"observers takes instances of anysocket.Observer, not {observer!r}")

    def __bool__(self) -> bool:
        return bool(self._each)

    def around(self, websocket: WebSocket, route: str) -> AbstractContextManager[object]:
        """What they put around a connection, the first one outermost."""
        return self._around(websocket, route) if self._each else nullcontext()

    @contextlib.contextmanager
    def _around(self, websocket: WebSocket, route: str) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for observer in self._each:
                stack.enter_context(_Guarded(observer, websocket, route))
            yield

    def accepted(self, websocket: WebSocket) -> None:
        """Tell that it was accepted, and later that it has ended."""
        if self._each:
            self._tell(lambda observer: observer.on_accepted(websocket))
            websocket._notify_end(self._ended)

    def _ended(self, websocket: WebSocket) -> None:
        closed = websocket._closed
        assert closed is not None
        self._tell(lambda observer: observer.on_ended(websocket, closed))

    def refused(self, websocket: WebSocket, status: int, limit: str) -> None:
        """Tell that it was refused."""
        self._tell(lambda observer: observer.on_refused(websocket, status, limit))

    def failed(self, websocket: WebSocket, error: BaseException) -> None:
        """Tell that its handler has failed."""
        self._tell(lambda observer: observer.on_failed(websocket, error))

    def made(self, manager: WebSocketManager) -> None:
        """Tell that there is this manager."""
        self._tell(lambda observer: observer.on_manager(manager))

    def broadcast(
        self, manager: WebSocketManager, rooms: tuple[str, ...], recipients: int, seconds: float
    ) -> None:
        """Tell of a broadcast."""
        self._tell(lambda observer: observer.on_broadcast(manager, rooms, recipients, seconds))

    def _tell(self, call: Callable[[Observer], None]) -> None:
        for observer in self._each:
            with _logged(observer):
                call(observer)


NO_OBSERVERS = Observers(())


class _Guarded:
    """An observer's context manager, which neither fails nor swallows what is raised inside."""

    def __init__(self, observer: Observer, websocket: WebSocket, route: str) -> None:
        self._observer = observer
        self._inner: AbstractContextManager[object] = nullcontext()
        self._arguments = websocket, route

    def __enter__(self) -> None:
        with _logged(self._observer):
            inner = self._observer.around_connection(*self._arguments)
            inner.__enter__()
            self._inner = inner

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _logged(self._observer):
            self._inner.__exit__(kind, error, trace)


@contextlib.contextmanager
def _logged(observer: Observer) -> Iterator[None]:
    try:
        yield
    except Exception:
        logger.exception("observer %r failed", observer)
