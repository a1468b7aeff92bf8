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
from collections.abc import Awaitable, Callable, Generator, Iterator
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
        self._iterator: Iterator[Any] | None = None
        self._future: Any = None
        # The reader's task, while it waits.
        self._reading = False
        self._wakeup: Callable[[Any], object] | None = None
        self._context: Context | None = None
        self._cancelled = False
        self._asyncio_future_blocking = False
        self._helper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Put the first receive in flight. Called inside a task, once."""
        self._iterator = iter(self._receive().__await__())
        self._step()

    def end(self, closed: ConnectionClosed, *, drop_unread: bool) -> None:
        """From now on readers get ``closed``, after what is unread or instead of it."""
        if self._end is None:
            self._end = closed
            if drop_unread:
                self._messages.clear()
            self._wake(soon=True)

    def abandon(self) -> None:
        """Give up the receive in flight, so that nothing keeps the server's connection alive."""
        future, self._future, self._iterator = self._future, None, None
        if future is not None:
            future.cancel()

    def __await__(self) -> Generator[Any, None, Message]:
        if self._reading:
            raise WebSocketStateError(
                "another task is receiving on this WebSocket already: let one task receive and hand messages on"
            )
        self._reading = True
        try:
            while not self._messages:
                if self._end is not None:
                    raise ConnectionClosed(self._end.code, self._end.reason, self._end.by)
                if self._future is None:
                    self._step()
                    continue
                self._asyncio_future_blocking = True
                yield self
        except asyncio.CancelledError:
            # The wake-up and the cancellation met: what has arrived must not wait for the next reader.
            if self._iterator is not None and self._future is None:
                self._help()
            raise
        finally:
            self._reading = False
            self._wakeup = None
        message = self._messages.popleft()
        self._unread_bytes = self._unread_bytes - len(message.data) if self._messages else 0
        if self._iterator is None and self._end is None:
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
                self._arrived(stop.value)
            except (Exception, asyncio.CancelledError) as error:
                self._iterator = None
                self._on_lost(error)
            else:
                self._future = future
                if future is None:
                    # A bare yield (asyncio.sleep(0)): go on in the loop's next round.
                    self._future = self._loop.create_future()
                    self._future.add_done_callback(self._ready)
                    self._loop.call_soon(self._settle, self._future)
                else:
                    future._asyncio_future_blocking = False
                    future.add_done_callback(self._ready)

    @staticmethod
    def _settle(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def _arrived(self, message: Message) -> None:
        size = len(message.data)
        if message.type == "close":
            self._keep(message, 0)
            self._iterator = None
            self._on_close(message)
            return
        if size > self._surely_small and (size := encoded_size(message.data)) > self._max_message_bytes:
            if self._end is None:
                self._messages.append(self._on_oversize(size))
        else:
            self._keep(message, size)
        if len(self._messages) < READ_AHEAD_MESSAGES and self._unread_bytes <= self._max_message_bytes:
            self._iterator = iter(self._receive().__await__())
        else:
            self._iterator = None  # Full: the peer is held back until a reader takes something.

    def _keep(self, message: Message, size: int) -> None:
        # After an end of ours the peer's messages are dropped, but read on until its close.
        if self._end is None:
            self._messages.append(message)
            self._unread_bytes += size

    def _ready(self, future: Any) -> None:
        """The loop calls: what the receive in flight waited for is there."""
        if future is self._future:
            self._future = None
            if not self._wake(soon=False) and self._iterator is not None:
                self._help()

    def _help(self) -> None:
        if self._helper is None or self._helper.done():
            self._helper = self._loop.create_task(self._read_ahead())

    async def _read_ahead(self) -> None:
        self._helper = None
        self._step()

    # -- the reader: to its task, this inbox is a future --

    def _wake(self, *, soon: bool) -> bool:
        wakeup = self._wakeup
        if wakeup is None:
            return False
        self._wakeup = None
        assert self._context is not None
        if soon:
            self._loop.call_soon(wakeup, self, context=self._context)
        else:
            # Called by the loop, so no task is running: step the reader's task here and now.
            self._context.run(wakeup, self)
        return True

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        self._wakeup = callback
        self._context = context
        self._cancelled = False

    def cancel(self, msg: object = None) -> bool:
        if self._wakeup is None:
            return False
        self._cancelled = True
        return self._wake(soon=True)

    def result(self) -> None:
        if self._cancelled:
            self._cancelled = False
            raise asyncio.CancelledError

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop


def encoded_size(data: str | bytes) -> int:
    """The payload's size on the wire, in bytes."""
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())
