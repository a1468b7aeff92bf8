"""The one WebSocket that handlers hold, whatever the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, final

from anysocket._capability import Capability
from anysocket._close import SLOW_CONSUMER, check_close, log_loss
from anysocket._errors import ConnectionClosed, HeaderPairs, WebSocketStateError
from anysocket._handshake import check_acceptance, check_refusal
from anysocket._inbox import Inbox
from anysocket._log_fields import log_fields
from anysocket._message import Message
from anysocket._observer import NO_OBSERVERS, Observers
from anysocket._outbox import Outbox
from anysocket._receiving import ReceivingHalf
from anysocket._request import HandshakeRequest
from anysocket._sending import SendingHalf
from anysocket._state import TRANSITIONS, Event, State
from anysocket._statistics import Counted
from anysocket._transport import Abortable, Transport

logger = logging.getLogger("anysocket")

DEFAULT_MAX_MESSAGE_BYTES = 1 << 20
CLOSE_TIMEOUT = 10.0
"""Seconds that a close of ours may take: to flush what was sent before it, and for the peer's answer."""

LOST = ConnectionClosed(1006, "", "lost")


@final
class WebSocket(HandshakeRequest, ReceivingHalf, SendingHalf, Counted):
    """A WebSocket connection (RFC 6455).

    The handler runs before the upgrade is answered: it first calls :meth:`accept` or :meth:`deny`.
    Any attribute may be set on it (``websocket.user = …``).

    Any number of tasks may send at once: messages arrive in the order of the calls. One task at a time
    may receive. All methods belong to the event loop that runs the handler.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "_closed",
        "_closer",
        "_deadline",
        "_ended",
        "_handled",
        "_inbox",
        "_linger",
        "_observers",
        "_offered",
        "_on_end",
        "_outbox",
        "_refused_by",
        "_released",
        "_round_trip",
        "_state",
        "_transport",
        "id",
        "max_message_bytes",
        "subprotocol",
    )

    def __init__(
        self,
        transport: Transport,
        *,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        subprotocols: tuple[str, ...] = (),
        observers: Observers = NO_OBSERVERS,
    ) -> None:
        super().__init__(transport.scope)
        self.id = uuid.uuid4().hex
        self.subprotocol: str | None = None
        """The subprotocol that was agreed on, once accepted."""
        self.max_message_bytes = max_message_bytes
        self._transport = transport
        self._offered = subprotocols
        self._state = State.CONNECTING
        self._inbox = Inbox(
            transport,
            max_message_bytes,
            on_close=self._peer_closed,
            on_lost=self._lost,
            on_oversize=self._too_big,
        )
        heard, receiving = self._inbox.received_so_far, self._inbox.is_receiving
        lost, slow = self._lost, partial(self._begin_close, *SLOW_CONSUMER)
        self._outbox = Outbox(transport, heard, receiving, on_failure=lost, on_overfull=slow)
        self._closed: ConnectionClosed | None = None
        self._closer: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._ended: asyncio.Future[None] | None = None
        self._released = False
        self._handled = False
        self._linger = transport.linger
        self._observers = observers
        self._refused_by = ""
        self._on_end: list[Callable[[WebSocket], None]] = []
        self._round_trip: float | None = None

    @property
    def capabilities(self) -> Capability:
        """What the server that runs this connection can carry."""
        return self._transport.capabilities

    if TYPE_CHECKING:
        # Any attribute may be set on a WebSocket, as handlers do to remember who it is.
        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    # -- the handshake's answer (RFC 6455 section 4.2.2) --

    async def accept(self, subprotocol: str | None = None, headers: HeaderPairs | None = None) -> None:
        """Accept the upgrade. ``subprotocol`` must be one that the peer offered; without it the first of
        the route's ``subprotocols`` that was offered is chosen.

        Raises ``ValueError`` for a subprotocol not offered or an illegal header,
        :class:`UnsupportedByTransport` where the server cannot carry them,
        :class:`WebSocketStateError` if called twice, :class:`ConnectionClosed` if the peer left.
        A cancelled ``accept()`` ends the connection.
        """
        subprotocol, extra = check_acceptance(self._transport, subprotocol, self._offered, headers or ())
        self._step(Event.ACCEPT)
        try:
            await self._transport.accept(subprotocol, extra)
        except ConnectionClosed as closed:
            self._step(Event.LOST)
            self._over(closed)
            raise
        except BaseException:
            self._step(Event.LOST)
            self._over(ConnectionClosed(1006, "accept() did not finish", "us"))
            raise
        self._step(Event.ACCEPTED)
        self.subprotocol = subprotocol
        self._outbox.open()
        self._observers.accepted(self)
        self._inbox.start()

    async def deny(
        self, status: int = 403, headers: HeaderPairs | None = None, body: bytes | str = b""
    ) -> None:
        """Refuse the upgrade with an HTTP response (ASGI "WebSocket Denial Response").

        ``status`` is 400 to 599, else ``ValueError``. Headers and body are dropped with a debug line
        where the server lacks ``Capability.DENIAL_BODY``. After ``accept()``: :class:`WebSocketStateError`.
        """
        extra, content = check_refusal(self, status, headers or (), body)
        self._step(Event.DENY)
        self._over(ConnectionClosed(1006, f"denied with HTTP status {status}", "us"))
        self._observers.refused(self, status, self._refused_by)
        await self._transport.deny(status, extra, content)

    # -- the end --

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more: denied, closed by either side, or lost."""
        return self._closed is not None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what was queued before, then a close frame (RFC 6455 section 5.5.1); before ``accept()`` it
        is ``deny(403)``. Closing again, or after the peer's end, does nothing.

        ``ValueError`` for a code that may not be sent or a reason above 123 UTF-8 bytes. Code and
        reason are dropped where the server cannot carry them. A cancelled call closes all the same.
        """
        check_close(code, reason)
        if self._state is State.CONNECTING:
            await self.deny(403)
            return
        self._begin_close(code, reason)
        if self._closer is not None:
            await asyncio.shield(self._closer)

    async def wait_closed(self) -> None:
        """Wait until the connection has ended, whoever ended it. Any number of tasks may wait."""
        if self._state not in (State.CLOSED, State.DENIED):
            if self._ended is None:
                self._ended = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._ended)

    def _begin_close(self, code: int, reason: str, *, drop_unread: bool = True) -> None:
        if self._step(Event.CLOSE) is State.OPEN:
            self._over(ConnectionClosed(code, reason, "us"), drop_unread=drop_unread)
            self._closer = asyncio.get_running_loop().create_task(self._send_close(code, reason))

    async def _send_close(self, code: int, reason: str) -> None:
        log_loss(self, code, reason)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._outbox.turn()
                try:
                    if self._state is State.CLOSING:  # Else it was lost meanwhile.
                        await self._transport.close(code, reason)
                finally:
                    self._outbox.release()
        except TimeoutError:
            logger.debug("the peer of %s takes nothing more: dropped", self, extra=log_fields(self))
            self._give_up()
        else:
            if self._state is State.CLOSING:
                self._deadline = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._give_up)

    def _give_up(self) -> None:
        """The time for a close of ours is over: the end, of TCP too, whatever the server still waits for.
        Over HTTP/2 TCP is not ours alone (RFC 8441)."""
        self._lost(LOST)
        if isinstance(self._transport, Abortable) and self.scope.http_version != "2":
            self._transport.abort()

    def _peer_closed(self, message: Message) -> None:
        self._step(Event.PEER_CLOSED)
        self._over(ConnectionClosed(message.code or 1005, message.reason, "peer"))

    def _lost(self, error: BaseException) -> None:
        if not isinstance(error, (ConnectionError, asyncio.CancelledError, *self._transport.failures)):
            fields = log_fields(self)
            logger.error("%s failed on %s", self._transport.server, self, exc_info=error, extra=fields)
        self._step(Event.LOST)
        self._over(LOST)

    def _too_big(self, size: int) -> Message:
        text = f"message of {size} bytes exceeds max_message_bytes={self.max_message_bytes}"
        self._begin_close(1009, text, drop_unread=False)
        return Message("error", text, 1009, text)

    def _over(self, closed: ConnectionClosed, *, drop_unread: bool = False) -> None:
        """Everything that follows from the end; only the first one counts."""
        if self._closed is None:
            self._closed = closed
            self._inbox.end(closed, drop_unread=drop_unread)
            self._outbox.end(closed, drop_posts=closed.by != "us")
            callbacks, self._on_end = self._on_end, []
            for callback in callbacks:
                callback(self)
        if self._state is State.CLOSED and not self._released:
            self._released = True
            self._inbox.abandon()
            self._outbox.abandon()
            self._transport.release()
            if self._deadline is not None:
                self._deadline.cancel()
        if self._ended is not None and not self._ended.done() and self._state in (State.CLOSED, State.DENIED):
            self._ended.set_result(None)

    def _notify_end(self, callback: Callable[[WebSocket], None]) -> None:
        """Call back once nothing can be sent any more; raises that end if it was already. For rooms."""
        if self._closed is not None:
            raise self._closed.again()
        self._on_end.append(callback)

    def _notify_no_more(self, callback: Callable[[WebSocket], None]) -> None:
        with contextlib.suppress(ValueError):
            self._on_end.remove(callback)

    async def _leave(self) -> None:
        """The handler is done: let go of the server's connection, after a close under way and its answer."""
        self._handled = True
        try:
            if self._closer is not None and not self._closer.done():
                await asyncio.wait({self._closer})
            if self._state is State.CLOSING:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._linger):
                        await self.wait_closed()
        finally:
            self._lost(LOST)

    # -- the state --

    def _step(self, event: Event) -> State:
        """Take the step and return the state before, or raise what the illegal step deserves."""
        before = self._state
        after = TRANSITIONS[before].get(event)
        if after is None:
            self._refuse(event)
        self._state = after
        return before

    def _refuse(self, event: Event) -> NoReturn:
        if self._closed is not None and (self._state is not State.DENIED or self._refused_by):
            raise self._closed.again()
        hint = ": call accept() first" if self._state is State.CONNECTING else ""
        raise WebSocketStateError(
            f"{event.value} is not possible while the WebSocket is {self._state.value}{hint}"
        )

    def __repr__(self) -> str:
        return f"<WebSocket {self.scope.path!r} {self.id[:8]} {self._state.value}>"
