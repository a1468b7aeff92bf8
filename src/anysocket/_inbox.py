"""What the peer sent, on its way to the handler.

Somebody always receives, whatever the handler does. That is what notices the peer's end while a
handler only sends or sleeps, and what makes Granian answer pings and closes (it reads only during a
receive). Where a cancelled receive loses its message, that is a receive in flight, apart from the
reader (:mod:`anysocket._in_flight`). Where it loses none (``transport.cancel_safe``), a reader runs the
server's receive itself, which costs less, and one is put in flight only while nobody reads
(:mod:`anysocket._watch`).
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Callable
from typing import Any, NoReturn

from anysocket._errors import ConnectionClosed, WebSocketStateError
from anysocket._in_flight import InFlight
from anysocket._intake import Receiving
from anysocket._message import Message
from anysocket._watch import current_watch

READ_AHEAD_MESSAGES = 64
"""How many messages may wait unread before the peer is held back."""
READ_AHEAD_BYTES = 1 << 20
"""How much may wait unread, where one message may be larger than that: else one such message."""

End = Message | ConnectionClosed
"""What a reader gets in place of text and bytes."""

NOT_YET = ConnectionClosed(1006, "not accepted yet", "us")
"""In the place of an end before ``start``; nobody gets to see it."""


def is_failure(closed: ConnectionClosed) -> bool:
    """Whether an iteration raises at this end, instead of just ending."""
    return closed.by == "lost" or (closed.by == "us" and closed.code == 1009)


def stop_iteration(end: End) -> NoReturn:
    """The end of an iteration."""
    if isinstance(end, Message) and end.type == "error":
        raise ConnectionClosed(1009, end.reason, "us")
    if isinstance(end, ConnectionClosed) and is_failure(end):
        raise end
    raise StopAsyncIteration


class Inbox:
    """Messages in the order in which they arrived, and then the end.

    One reader at a time: a second one gets ``WebSocketStateError``. A cancelled reader takes nothing
    with it.

    Three things are told when they arrive, before anybody reads them: ``on_close`` the peer's close,
    ``on_lost`` a connection that ended without one, and ``on_oversize`` a message above
    ``max_message_bytes``, which it answers with the message the reader gets in its place.
    """

    __slots__ = (
        "_cancel_safe",
        "_decode",
        "_end",
        "_in_flight",
        "_interrupting",
        "_max_message_bytes",
        "_messages",
        "_on_close",
        "_on_lost",
        "_on_oversize",
        "_over",
        "_read_ahead_bytes",
        "_reader",
        "_receive",
        "_transport",
        "_unread_bytes",
        "_watch",
        "bytes_received",
        "messages_received",
    )

    def __init__(
        self,
        transport: Receiving,
        max_message_bytes: int,
        *,
        on_close: Callable[[Message], None],
        on_lost: Callable[[BaseException], None],
        on_oversize: Callable[[int], Message],
    ) -> None:
        self._transport = transport
        self._receive = transport.receive
        self._decode = transport.decode
        self._cancel_safe = transport.cancel_safe
        self._max_message_bytes = max_message_bytes
        self._read_ahead_bytes = min(max_message_bytes, READ_AHEAD_BYTES)
        self._on_close = on_close
        self._on_lost = on_lost
        self._on_oversize = on_oversize
        # Few (READ_AHEAD_MESSAGES), so no deque: an empty one is 0.6 KiB for every idle connection.
        self._messages: list[Message] = []
        self._unread_bytes = 0
        self.messages_received = 0
        self.bytes_received = 0
        self._end: ConnectionClosed | None = NOT_YET
        # Whether nothing more can arrive: not yet accepted, or the peer's end was received.
        self._over = True
        # The task that reads, and whether end() has cancelled what it waits for.
        self._reader: asyncio.Task[Any] | None = None
        self._interrupting = False
        self._in_flight = InFlight(self._arrived, self._lost)
        self._watch = current_watch()

    def received_so_far(self) -> int:
        """How many messages."""
        return self.messages_received

    def is_receiving(self) -> bool:
        """Whether the server is looking for what the peer sends next, which may be its close."""
        return self._in_flight.active or self._reader is not None

    def receive_through(self, intake: Callable[[Receiving], Receiving]) -> None:
        """Put something between this inbox and what it has received from so far. Before ``start``."""
        self._transport = intake(self._transport)
        self._receive = self._transport.receive
        self._decode = self._transport.decode

    def start(self) -> None:
        """Begin to receive. Called once, when the connection is accepted."""
        self._over = False
        self._end = None
        if self._cancel_safe:
            self._watch.add(self)
        else:
            self._in_flight.start(self._receive)

    def end(self, closed: ConnectionClosed, *, drop_unread: bool) -> None:
        """From now on readers get ``closed``, after what is unread or instead of it. Called once."""
        self._end = closed
        if drop_unread:
            self._messages.clear()
            self._unread_bytes = 0
        if not self._in_flight.wake() and self._reader not in (None, current_task()):
            self._interrupting = True
            self._reader.cancel()  # As asyncio.timeout() does; next() takes it back.
        self.attend()

    def attend(self) -> None:
        """See to it that somebody receives: the reader, or else a receive in flight. Not if that much is
        unread already: then the peer is held back until a reader takes something."""
        room = len(self._messages) < READ_AHEAD_MESSAGES and self._unread_bytes <= self._read_ahead_bytes
        if room and self._reader is None and not self._over:
            self._in_flight.start(self._receive)

    def abandon(self) -> None:
        """The connection is of no interest any more: keep nothing of the server's alive."""
        self._finish()
        self._in_flight.stop()

    async def next(  # noqa: C901 - one frame per message
        self, at_end: Callable[[End], Message] = stop_iteration
    ) -> Message:
        """The next message. A message that is neither text nor bytes, or the end, goes through ``at_end``.

        Raises ``WebSocketStateError`` before ``start`` and for a second reader. May be cancelled.
        """
        if self._reader is not None:
            raise WebSocketStateError(
                "another task is receiving on this WebSocket: let one task receive and hand messages on"
            )
        self._reader = current_task()
        try:
            while not self._messages:
                if self._end is not None:
                    if self._end is NOT_YET:
                        raise WebSocketStateError("receiving is not possible yet: call accept() first")
                    return at_end(self._end.again())
                try:
                    if not self._cancel_safe or self._in_flight.active:
                        await self._in_flight.wait(self._receive)
                        continue
                    message = self._decode(await self._receive())
                except asyncio.CancelledError:
                    if not self._interrupted():
                        raise
                except Exception as error:
                    self._lost(error)
                else:
                    data = message.data
                    size = len(data) if data.isascii() else encoded_size(data)
                    if size <= self._max_message_bytes and message.code is None and self._end is None:
                        self.messages_received += 1
                        self.bytes_received += size
                        return message
                    self._set_aside(message, size)
        finally:
            self._reader = None
            if not self._cancel_safe:
                # Most come back at once, having answered: a receive in flight before the answer is sent may
                # meet the peer's close first.
                self._watch.look_soon(self)
        message = self._messages.pop(0)
        self._unread_bytes -= len(message.data)
        return message if message.code is None else at_end(message)

    __anext__ = next

    def __aiter__(self) -> Inbox:
        return self

    def _interrupted(self) -> bool:
        """Whether a cancellation was end()'s alone: then it is none to the reader's task."""
        return self._interrupting and self._reader is not None and self._reader.uncancel() == 0

    def _arrived(self, event: Any) -> bool:
        """Of the receive in flight: keep what it brought; whether it is to be followed by the next."""
        try:
            message = self._decode(event)
        except Exception as error:
            self._lost(error)
            return False
        data = message.data  # Judged as in next(): a call for both costs each message.
        size = len(data) if data.isascii() else encoded_size(data)
        if size <= self._max_message_bytes and message.code is None and self._end is None:
            self.messages_received += 1
            self.bytes_received += size
            self._messages.append(message)
            self._unread_bytes += len(data)
        else:
            self._set_aside(message, size)
        if self._over or self._reader is not None:
            return False
        return len(self._messages) < READ_AHEAD_MESSAGES and self._unread_bytes <= self._read_ahead_bytes

    def _set_aside(self, message: Message, size: int) -> None:
        """What has arrived is not for a reader as it is."""
        if message.code is None and self._end is None:
            self._messages.append(self._on_oversize(size))
        elif message.type == "close":
            self._finish()
            if self._end is None:
                self._messages.append(message)
                self._unread_bytes += len(message.data)
            self._on_close(message)
        # After an end of ours messages are dropped, but read on until the peer's close.

    def _lost(self, error: BaseException) -> None:
        self._finish()
        self._on_lost(error)

    def _finish(self) -> None:
        self._over = True
        if self._cancel_safe:
            self._watch.discard(self)


def encoded_size(data: str | bytes) -> int:
    """The payload's size on the wire, in bytes."""
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())
