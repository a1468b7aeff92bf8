"""What the peer sent and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextvars import Context, copy_context
from typing import Any

from anysocket import Message

HIGH_WATER = 64 << 10
"""Bytes, as in asyncio: with more unread TCP is not read, so that the peer is held back."""
OVERHEAD = 512
"""Bytes that a message counts besides its data, since many empty ones fill memory, too."""


class Arrivals:
    """Messages in the order in which they arrived, one for each ``await arrivals``, and then the end.

    One task at a time waits. Cancelled it takes nothing with it. A message that comes while a task waits is
    handed to it there and then, with no trip through the event loop: ``put`` must be called by the loop, and
    not inside a task, unless nobody waits. After the end who waits gets ``OSError``.
    """

    __slots__ = ("_failure", "_held", "_messages", "_tcp", "_unread", "_waiter")

    def __init__(self, tcp: asyncio.Transport) -> None:
        self._tcp = tcp
        self._messages: deque[Message] = deque()
        self._unread = 0
        self._held = False
        self._failure: OSError | None = None
        self._waiter = _Waiter(asyncio.get_running_loop())

    @property
    def held(self) -> bool:
        """Whether TCP is not read, as too much is unread."""
        return self._held

    def __await__(self) -> Generator[Any, None, Message]:
        waiter = self._waiter
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            waiter._asyncio_future_blocking = True
            try:
                yield waiter
            finally:
                waiter.wakeup = None
        message = self._messages.popleft()
        if self._unread and not self._messages:
            self._unread = 0
            if self._held:
                self._read_on()
        return message

    def put(self, message: Message) -> None:
        """A message has come."""
        self._messages.append(message)
        waiter = self._waiter
        wakeup = waiter.wakeup
        if wakeup is not None:
            waiter.wakeup = None
            waiter.context.run(wakeup, waiter)
            return
        self._unread += OVERHEAD + len(message.data)
        if self._unread > HIGH_WATER and not self._held:
            self._held = True
            self._tcp.pause_reading()

    def drop(self) -> None:
        """What is unread is of no interest any more; what follows is the end."""
        self._messages.clear()
        self._unread = 0
        if self._held:
            self._read_on()

    def end(self, last: Message | None, failure: OSError) -> None:
        """Nothing follows but ``last``; who waits after that gets ``failure``."""
        if self._failure is None:
            self._failure = failure
            if last is not None:
                self._messages.append(last)
            self._waiter.wake_soon()

    def _read_on(self) -> None:
        self._held = False
        if not self._tcp.is_closing():
            self._tcp.resume_reading()


class _Waiter:
    """What a task waits for: a future to it, but one that serves for every message of a connection."""

    __slots__ = ("_asyncio_future_blocking", "_cancel_arguments", "_loop", "context", "wakeup")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asyncio_future_blocking = False
        self._cancel_arguments: tuple[object, ...] | None = None
        self.wakeup: Callable[[Any], object] | None = None
        """What steps the task that waits; None if none does."""
        self.context = Context()

    def wake_soon(self) -> bool:
        """Let who waits look again; False if nobody waits."""
        wakeup, self.wakeup = self.wakeup, None
        if wakeup is None:
            return False
        self._loop.call_soon(wakeup, self, context=self.context)
        return True

    # -- the future's part --

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        self.wakeup = callback
        self._cancel_arguments = None
        # As futures do. That of who waited before may be entered a second time by what the callback wakes.
        self.context = copy_context() if context is None else context

    def cancel(self, msg: object = None) -> bool:
        if self.wakeup is None:
            return False
        self._cancel_arguments = () if msg is None else (msg,)
        return self.wake_soon()

    def result(self) -> None:
        arguments, self._cancel_arguments = self._cancel_arguments, None
        if arguments is not None:
            raise asyncio.CancelledError(*arguments)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop
