"""What the peer sent, on its way to the handler.

One ``transport.receive()`` is kept in flight all the time, whatever the handler does. That is what
notices the peer's end while a handler only sends or sleeps, what makes Granian answer pings and
closes (it reads only during a receive), and what lets a reader be cancelled without loss: the reader
waits on the inbox, never on the server's own future.

The receive in flight is stepped by hand, inside the task of the reader that waits for it, so that a
message reaches the handler with no second trip through the event loop and no second task. Only
when nobody is reading does a short task of our own do the step.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context
from typing import Any

from anysocket._errors import ConnectionClosed, WebSocketStateError
from anysocket._message import Message

READ_AHEAD_MESSAGES = 64
"""How many messages may wait unread before the peer is held back."""


class Inbox:
    """``await inbox`` gives the next message or raises the connection's :class:`ConnectionClosed`.

    One reader at a time: a second one gets ``WebSocketStateError``. A cancelled reader takes nothing
    with it. To the reader's task the inbox is the future it waits for, hence the methods of a future.

    Three things are told when they arrive, before anybody reads them: ``on_close`` the peer's close,
    ``on_lost`` a connection that ended without one, and ``on_oversize`` a message above
    ``max_message_bytes``, which it answers with the message the reader gets in its place.
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancelled",
        "_context",
        "_end",
        "_future",
        "_helper",
        "_iterator",
        "_loop",
        "_messages",
        "_max_message_bytes",
        "_on_close",
        "_on_lost",
        "_on_oversize",
        "_reading",
        "_receive",
        "_surely_small",
        "_unread_bytes",
        "_wakeup",
    )

    def __init__(
        self,
        receive: Callable[[], Awaitable[Message]],
        max_message_bytes: int,
        *,
        on_close: Callable[[Message], None],
        on_lost: Callable[[BaseException], None],
        on_oversize: Callable[[int], Message],
    ) -> None:
        self._receive = receive
        self._max_message_bytes = max_message_bytes
        # A character is at most 4 bytes of UTF-8: what is no longer than this needs no closer look.
        self._surely_small = max_message_bytes // 4
        self._on_close = on_close
        self._on_lost = on_lost
        self._on_oversize = on_oversize
        self._loop = asyncio.get_running_loop()
        self._messages: deque[Message] = deque()
        self._unread_bytes = 0
        self._end: ConnectionClosed | None = None
        # The receive in flight, and what it waits for: None while it can be stepped on.
        self._iterator: Generator[Any, Any, Message] | None = None
        self._future: Any = None
        # The reader's task, while it waits.
        self._reading = False
        self._wakeup: Callable[[Any], object] | None = None
        self._context = Context()
        self._cancelled = False
        self._asyncio_future_blocking = False
        self._helper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Put the first receive in flight. Called inside a task, once."""
        self._iterator = self._next_receive()
        self._step()

    def end(self, closed: ConnectionClosed, *, drop_unread: bool) -> None:
        """From now on readers get ``closed``, after what is unread or instead of it."""
        if self._end is None:
            self._end = closed
            if drop_unread:
                self._messages.clear()
                self._unread_bytes = 0
            self._wake()

    def abandon(self) -> None:
        """Give up the receive in flight, so that nothing keeps the server's connection alive."""
        future, self._future, self._iterator = self._future, None, None
        if future is not None:
            future.cancel()

    def __await__(self) -> Generator[Any, None, Message]:
        if self._reading:
            raise WebSocketStateError(
                "another task is receiving on this WebSocket: let one task receive and hand messages on"
            )
        self._reading = True
        messages = self._messages
        try:
            while not messages:
                if self._end is not None:
                    raise self._end.again()
                if self._future is not None:
                    self._asyncio_future_blocking = True
                    yield self
                elif self._iterator is None:
                    raise WebSocketStateError("receiving is not possible yet: call accept() first")
                self._step()
        except asyncio.CancelledError:
            # The wake-up and the cancellation met: what has arrived must not wait for the next reader.
            if self._iterator is not None and self._future is None:
                self._help()
            raise
        finally:
            self._reading = False
            self._wakeup = None
        message = messages.popleft()
        self._unread_bytes -= len(message.data)
        if self._iterator is None and self._end is None and self._unread_bytes <= self._max_message_bytes:
            self.start()
        return message

    # -- the receive in flight --

    def _step(self) -> None:
        """Run the receive in flight, and those after it, until one has to wait or the inbox is full.

        Always inside a task, since the server's code may ask for the current one.
        """
        while self._iterator is not None and self._future is None:
            try:
                future = next(self._iterator)
            except StopIteration as stop:
                self._iterator = self._next_receive() if self._arrived(stop.value) else None
            except (Exception, asyncio.CancelledError) as error:
                self._iterator = None
                self._on_lost(error)
            else:
                if future is None:
                    # A bare yield (asyncio.sleep(0)): go on in the loop's next round.
                    future = self._loop.create_future()
                    self._loop.call_soon(_settle, future)
                future._asyncio_future_blocking = False
                future.add_done_callback(self._ready)
                self._future = future

    def _next_receive(self) -> Generator[Any, None, Message]:
        return self._receive().__await__()

    def _arrived(self, message: Message) -> bool:
        """Keep what came; False when nothing more is to be received, for now or at all."""
        size = len(message.data)
        if message.code is None and size <= self._surely_small and self._end is None:
            self._messages.append(message)
            self._unread_bytes += size
            return len(self._messages) < READ_AHEAD_MESSAGES and self._unread_bytes <= self._max_message_bytes
        return self._arrived_special(message)

    def _arrived_special(self, message: Message) -> bool:
        if message.type == "close":
            if self._end is None:
                self._messages.append(message)
                self._unread_bytes += len(message.data)
            self._on_close(message)
            return False
        if self._end is not None:
            return True  # After an end of ours: dropped, but read on until the peer's close.
        size = encoded_size(message.data)
        if size > self._max_message_bytes:
            message = self._on_oversize(size)
        self._messages.append(message)
        self._unread_bytes += len(message.data)
        return self._end is not None or self._unread_bytes <= self._max_message_bytes

    def _ready(self, future: Any) -> None:
        """The loop calls: what the receive in flight waited for is there."""
        if future is not self._future:
            return  # Given up meanwhile.
        self._future = None
        wakeup = self._wakeup
        if wakeup is not None:
            # Called by the loop, so no task is running: step the reader's task here and now.
            self._wakeup = None
            self._context.run(wakeup, self)
        elif future.cancelled():
            # The adapter gave it up, for a close of ours. (Granian's future, once cancelled, waits for itself.)
            self._iterator = None
            self._on_lost(asyncio.CancelledError())
        else:
            self._help()

    def _help(self) -> None:
        if self._helper is None or self._helper.done():
            self._helper = self._loop.create_task(self._read_ahead())

    async def _read_ahead(self) -> None:
        self._helper = None
        self._step()

    # -- the reader: to its task, this inbox is a future --

    def _wake(self) -> bool:
        """Have the loop step the waiting reader's task; False if nobody waits."""
        wakeup = self._wakeup
        if wakeup is None:
            return False
        self._wakeup = None
        self._loop.call_soon(wakeup, self, context=self._context)
        return True

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        self._wakeup = callback
        self._context = context
        self._cancelled = False

    def cancel(self, msg: object = None) -> bool:
        self._cancelled = self._wakeup is not None
        return self._wake()

    def result(self) -> None:
        if self._cancelled:
            self._cancelled = False
            raise asyncio.CancelledError

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def encoded_size(data: str | bytes) -> int:
    """The payload's size on the wire, in bytes."""
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())
