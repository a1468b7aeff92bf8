"""What we send, in the order in which it was called for.

A connection has one writer at a time: the next message is handed to the server when it has taken the
one before. Servers with several threads reorder sends that are started together (Granian's runtime
mode ``mt``); here they never are. A lone send goes straight to the server, with nothing in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

Send = Callable[[Any], Awaitable[object]]

MAX_BYTES = 1 << 20
MAX_MESSAGES = 1024


class Outbox:
    """First in, first out, for senders that wait (``send``) and for those that do not (``post``).

    ``failures`` are the transport's exceptions that mean the connection is over; ``on_failure`` hears of
    the first one met by a post. Whether the connection is open is the caller's to know.
    """

    __slots__ = ("_busy", "_failures", "_loop", "_on_failure", "_queue", "_writer", "queued_bytes")

    def __init__(
        self, failures: tuple[type[BaseException], ...], on_failure: Callable[[BaseException], None]
    ) -> None:
        self._failures = failures
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._busy = False
        self._queue: deque[asyncio.Future[None] | tuple[Send, str | bytes]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self.queued_bytes = 0

    def __len__(self) -> int:
        """How many messages and senders wait."""
        return len(self._queue)

    @property
    def overfull(self) -> bool:
        """Whether more is waiting than a peer may leave unread."""
        return self.queued_bytes > MAX_BYTES or len(self._queue) > MAX_MESSAGES

    async def turn(self) -> None:
        """Wait until everything called for earlier is with the server, and hold the pen until ``release``.

        Cancelling it gives the place up.
        """
        if not self._busy:
            self._busy = True
            return
        turn = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """The holder of the pen is done: the next one's turn."""
        while self._queue:
            entry = self._queue.popleft()
            if isinstance(entry, tuple):
                self.queued_bytes -= len(entry[1])
                if not self._write(*entry):
                    return
            elif not entry.done():
                entry.set_result(None)
                return
        self._busy = False

    def post(self, send: Send, data: str | bytes) -> None:
        """Send when the turn comes, without waiting for it. Never raises."""
        if self._busy:
            self._queue.append((send, data))
            self.queued_bytes += len(data)
            return
        self._busy = True
        if self._write(send, data):
            self.release()

    def drop_posts(self) -> None:
        """Forget what was posted and not yet sent; those who wait for their turn get it."""
        self._queue = deque(entry for entry in self._queue if not isinstance(entry, tuple))
        self.queued_bytes = 0

    def _write(self, send: Send, data: str | bytes) -> bool:
        """Hand one message to the server; False if it has to wait, with ``release`` called later."""
        try:
            sending = send(data)
            if hasattr(sending, "add_done_callback"):
                sending.add_done_callback(self._written)
                return False
            iterator = iter(sending.__await__())
            future = next(iterator)
        except StopIteration:
            return True
        except self._failures as error:
            self._failed(error)
            return True
        # The server makes us wait (backpressure): only now is a task worth its price.
        self._writer = self._loop.create_task(self._finish(iterator, future))
        return False

    def _written(self, sending: Any) -> None:
        try:
            sending.result()
        except self._failures as error:
            self._failed(error)
        finally:
            self.release()

    async def _finish(self, iterator: Iterator[Any], future: Any) -> None:
        try:
            await _Started(iterator, future)
        except self._failures as error:
            self._failed(error)
        finally:
            self._writer = None
            self.release()

    def _failed(self, error: BaseException) -> None:
        self.drop_posts()
        self._on_failure(error)


class _Started:
    """An awaitable that was stepped once already and now waits for ``future``."""

    __slots__ = ("_future", "_iterator")

    def __init__(self, iterator: Iterator[Any], future: Any) -> None:
        self._iterator = iterator
        self._future = future

    def __await__(self) -> Generator[Any, None, None]:
        yield self._future
        yield from self._iterator
