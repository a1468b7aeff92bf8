"""The one WebSocket that handlers hold, whatever the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, TypeVar, final

from anysocket._capability import Capability
from anysocket._close import check_close
from anysocket._errors import ConnectionClosed, EndedBy, HeaderPairs, UnsupportedByTransport, WebSocketStateError
from anysocket._headers import raw_headers
from anysocket._inbox import Inbox
from anysocket._message import Message
from anysocket._outbox import Outbox, Send
from anysocket._request import HandshakeRequest
from anysocket._state import TRANSITIONS, Event, State
from anysocket._transport import Transport

logger = logging.getLogger("anysocket")

DEFAULT_MAX_MESSAGE_BYTES = 1 << 20
CLOSE_TIMEOUT = 10.0
"""Seconds that a close of ours may take: to flush what was sent before it, and for the peer's answer."""


@final
class WebSocket(HandshakeRequest):
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
        "_ended",
        "_inbox",
        "_offered",
        "_on_end",
        "_outbox",
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
    ) -> None:
        super().__init__(transport.scope)
        self.id = uuid.uuid4().hex
        self.subprotocol: str | None = None
        """The subprotocol that was agreed on, once accepted."""
        self.max_message_bytes = max_message_bytes
        self._transport = transport
        self._offered = subprotocols
        self._state = State.CONNECTING
        self._inbox: Inbox | None = None
        self._outbox = Outbox(transport.failures, self._lost)
        self._closed: ConnectionClosed | None = None
        self._closer: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[None] | None = None
        self._on_end: list[Callable[[WebSocket], None]] = []

    @property
    def capabilities(self) -> Capability:
        """What the server that runs this connection can carry."""
        return self._transport.capabilities

    # -- the handshake's answer (RFC 6455 section 4.2.2) --

    async def accept(self, subprotocol: str | None = None, headers: HeaderPairs | None = None) -> None:
        """Accept the upgrade. ``subprotocol`` must be one that the peer offered; without it the first of
        the route's ``subprotocols`` that was offered is chosen.

        Raises ``ValueError`` for a subprotocol not offered or an illegal header,
        :class:`UnsupportedByTransport` where the server cannot carry them,
        :class:`WebSocketStateError` if called twice, :class:`ConnectionClosed` if the peer left.
        A cancelled ``accept()`` ends the connection.
        """
        if subprotocol is None:
            subprotocol = next((name for name in self._offered if name in self.scope.subprotocols), None)
        elif subprotocol not in self.scope.subprotocols:
            offers = ", ".join(map(repr, self.scope.subprotocols)) or "none"
            raise ValueError(f"subprotocol {subprotocol!r} was not offered by the peer, which offered {offers}")
        extra = raw_headers(headers or ())
        if subprotocol is not None:
            self._require(Capability.SUBPROTOCOL, f"the subprotocol {subprotocol!r}")
        if extra:
            self._require(Capability.ACCEPT_HEADERS, "headers in the handshake's answer")
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
        self._inbox = Inbox(
            self._transport.receive,
            self.max_message_bytes,
            on_close=self._peer_closed,
            on_lost=self._lost,
            on_oversize=self._too_big,
        )
        self._inbox.start()

    async def deny(self, status: int = 403, headers: HeaderPairs | None = None, body: bytes | str = b"") -> None:
        """Refuse the upgrade with an HTTP response (ASGI "WebSocket Denial Response").

        ``status`` is 400 to 599, else ``ValueError``. Headers and body are dropped with a debug line
        where the server lacks ``Capability.DENIAL_BODY``. After ``accept()``: :class:`WebSocketStateError`.
        """
        if not isinstance(status, int) or not 400 <= status <= 599:
            raise ValueError(f"a refusal needs an HTTP status from 400 to 599, not {status!r}")
        extra = raw_headers(headers or ())
        content = body.encode() if isinstance(body, str) else bytes(body)
        self._step(Event.DENY)
        if (extra or content) and Capability.DENIAL_BODY not in self.capabilities:
            logger.debug("%s cannot carry headers and body of a refusal: dropped", self._transport.server)
            extra, content = [], b""
        self._over(ConnectionClosed(1006, f"denied with HTTP status {status}", "us"))
        await self._transport.deny(status, extra, content)

    # -- receiving --

    async def receive(self) -> Message:
        """The next message: text, bytes, one ``close`` when the peer closes, one ``error`` above
        ``max_message_bytes``.

        Raises :class:`ConnectionClosed` when the peer was lost (code 1006) and after any end;
        :class:`WebSocketStateError` before ``accept()`` or while another task receives.
        Cancelling it loses nothing: the next call returns the message that was on its way.
        """
        if self._inbox is None:
            self._refuse(Event.RECEIVE)
        return await self._inbox

    def __aiter__(self) -> AsyncIterator[Message]:
        """Text and bytes messages until the peer closes; raises :class:`ConnectionClosed` if it was lost."""
        return self

    async def __anext__(self) -> Message:
        if self._inbox is None:
            self._refuse(Event.RECEIVE)
        try:
            message = await self._inbox
        except ConnectionClosed as closed:
            if _is_failure(closed):
                raise
            raise StopAsyncIteration from None
        if message.code is None:
            return message
        if message.type == "error":
            raise ConnectionClosed(1009, str(message.data), "us")
        raise StopAsyncIteration

    async def _receive_data(self, wanted: str) -> str | bytes:
        message = await self.receive()
        if message.code is not None:
            by: EndedBy = "us" if message.type == "error" else "peer"
            raise ConnectionClosed(message.code, message.reason, by)
        if wanted not in (message.type, "json"):
            raise ValueError(f"expected a {wanted} message, the peer sent {message.type} of {len(message.data)}")
        return message.data

    async def receive_text(self) -> str:
        """The next message, which must be text, else ``ValueError`` (and the connection goes on).
        Raises :class:`ConnectionClosed` at any end; see :meth:`receive`."""
        data = await self._receive_data("text")
        assert isinstance(data, str)
        return data

    async def receive_bytes(self) -> bytes:
        """The next message, which must be binary; as :meth:`receive_text`."""
        data = await self._receive_data("bytes")
        assert isinstance(data, bytes)
        return data

    async def receive_json(self) -> Any:
        """The next message parsed as JSON; ``ValueError`` if it is none (and the connection goes on)."""
        data = await self._receive_data("json")
        try:
            return json.loads(data)
        except RecursionError:
            raise ValueError("the JSON message is nested too deeply") from None

    async def iter_text(self) -> AsyncIterator[str]:
        """Text messages until the peer closes; see :meth:`__aiter__` and :meth:`receive_text`."""
        async for message in _until_close(self.receive_text):
            yield message

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Binary messages until the peer closes."""
        async for message in _until_close(self.receive_bytes):
            yield message

    async def iter_json(self) -> AsyncIterator[Any]:
        """JSON messages until the peer closes."""
        async for message in _until_close(self.receive_json):
            yield message

    # -- sending --

    async def send_text(self, data: str) -> None:
        """Send a text message; returns when the server has taken it, and waits while the peer is too slow
        (where ``Capability.BACKPRESSURE``).

        Raises :class:`ConnectionClosed` after the end, :class:`WebSocketStateError` before ``accept()``,
        ``TypeError`` for anything but ``str``. A cancelled call sends the message whole or not at all.
        """
        if not isinstance(data, str):
            raise TypeError(f"send_text() takes str, not {type(data).__name__}")
        await self._send(self._transport.send_text, data)

    async def send_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Send a binary message; as :meth:`send_text`."""
        if not isinstance(data, bytes):
            if not isinstance(data, bytearray | memoryview):
                raise TypeError(f"send_bytes() takes bytes, not {type(data).__name__}")
            data = bytes(data)
        await self._send(self._transport.send_bytes, data)

    async def send(self, data: str | bytes) -> None:
        """Send ``str`` as a text message, ``bytes`` as a binary one; as :meth:`send_text`."""
        await self._send(self._sender(data), data)

    async def send_json(self, data: object) -> None:
        """Send ``data`` as JSON in a text message. ``TypeError`` for what JSON cannot express."""
        await self.send_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False))

    async def _send(self, send: Send, data: str | bytes) -> None:
        if self._state is not State.OPEN:
            self._refuse(Event.SEND)
        outbox = self._outbox
        await outbox.turn()
        try:
            if self._state is not State.OPEN:
                self._refuse(Event.SEND)
            await send(data)
        except self._transport.failures as error:
            self._lost(error)
            self._refuse(Event.SEND)
        finally:
            outbox.release()

    def _sender(self, data: object) -> Send:
        if isinstance(data, str):
            return self._transport.send_text
        if isinstance(data, bytes):
            return self._transport.send_bytes
        raise TypeError(f"a message is str or bytes, not {type(data).__name__}")

    def _post(self, data: str | bytes) -> bool:
        """Queue a message without waiting; False if the connection is over. For rooms."""
        if self._state is not State.OPEN:
            return False
        self._outbox.post(self._sender(data), data)
        if self._outbox.overfull:
            self._outbox.drop_posts()
            self._begin_close(1013, "slow consumer")
        return True

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
        if code != 1000 and Capability.CLOSE_CODE not in self.capabilities:
            logger.debug("%s cannot carry close code %d: dropped", self._transport.server, code)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._outbox.turn()
                try:
                    await self._transport.close(code, reason)
                finally:
                    self._outbox.release()
        except TimeoutError:
            logger.debug("the peer of %s takes nothing more: dropped without a close frame", self)
            self._lost(ConnectionClosed(1006, "", "lost"))
        else:
            loop.call_later(CLOSE_TIMEOUT, self._lost, ConnectionClosed(1006, "", "lost"))

    def _peer_closed(self, message: Message) -> None:
        self._step(Event.PEER_CLOSED)
        self._over(ConnectionClosed(message.code or 1005, message.reason, "peer"))

    def _lost(self, error: BaseException) -> None:
        if not isinstance(error, (ConnectionError, asyncio.CancelledError, *self._transport.failures)):
            logger.error("%s failed on %s", self._transport.server, self, exc_info=error)
        self._step(Event.LOST)
        self._over(ConnectionClosed(1006, "", "lost"))

    def _too_big(self, size: int) -> Message:
        text = f"message of {size} bytes exceeds max_message_bytes={self.max_message_bytes}"
        self._begin_close(1009, text, drop_unread=False)
        return Message("error", text, 1009, text)

    def _over(self, closed: ConnectionClosed, *, drop_unread: bool = False) -> None:
        """Everything that follows from the end; only the first one counts."""
        if self._closed is None:
            self._closed = closed
            if self._inbox is not None:
                self._inbox.end(closed, drop_unread=drop_unread)
            if closed.by != "us":
                self._outbox.drop_posts()
            for callback in self._on_end:
                callback(self)
            self._on_end.clear()
        if self._ended is not None and not self._ended.done() and self._state in (State.CLOSED, State.DENIED):
            self._ended.set_result(None)

    def _notify_end(self, callback: Callable[[WebSocket], None]) -> None:
        """Call back once nothing can be sent any more; raises that end if it was already. For rooms."""
        if self._closed is not None:
            self._refuse(Event.SEND)
        self._on_end.append(callback)

    async def _leave(self) -> None:
        """The handler is done: let go of the server's connection, after a close under way and its answer."""
        if self._closer is not None:
            await asyncio.shield(self._closer)
        if self._state is State.CLOSING and self._transport.linger:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._transport.linger):
                    await self.wait_closed()
        if self._inbox is not None:
            self._inbox.abandon()

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
        if self._closed is not None and self._state is not State.DENIED:
            raise ConnectionClosed(self._closed.code, self._closed.reason, self._closed.by)
        hint = ": call accept() first" if self._state is State.CONNECTING else ""
        raise WebSocketStateError(f"{event.value} is not possible while the WebSocket is {self._state.value}{hint}")

    def _require(self, capability: Capability, what: str) -> None:
        if capability not in self.capabilities:
            raise UnsupportedByTransport(
                f"{self._transport.server} cannot send {what} (Capability.{capability.name}): {self._transport.remedy}"
            )

    def __repr__(self) -> str:
        return f"<WebSocket {self.scope.path} {self.id[:8]} {self._state.value}>"


def _is_failure(closed: ConnectionClosed) -> bool:
    """Whether an iteration raises at this end, instead of just ending."""
    return closed.by == "lost" or (closed.by == "us" and closed.code == 1009)


Received = TypeVar("Received")


async def _until_close(receive: Callable[[], Awaitable[Received]]) -> AsyncIterator[Received]:
    while True:
        try:
            message = await receive()
        except ConnectionClosed as closed:
            if _is_failure(closed):
                raise
            return
        yield message
