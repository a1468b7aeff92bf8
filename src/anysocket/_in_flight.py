"""A receive that goes on whatever becomes of those who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context
from typing import Any


class InFlight:
    """Keeps one receive of the transport in flight and hands its result to ``arrived``, which says
    whether to start the next one. ``lost`` hears when a receive fails: it was the last.

    The receive is stepped by hand. ``await in_flight`` does so in the task of the reader that waits, and
    to that task this object is the future it waits for, hence the methods of a future: so a message
    reaches its reader with no second trip through the event loop and no second task, and cancelling the
    reader leaves the receive alone. While nobody waits, a short task of our own does the step.
    """

    __slots__ = (
        "_arrived",
        "_asyncio_future_blocking",
        "_cancelled",
        "_context",
        "_future",
        "_helper",
        "_iterator",
        "_loop",
        "_lost",
        "_receive",
        "_wakeup",
        "active",
    )

    def __init__(
        self,
        receive: Callable[[], Awaitable[Any]],
        arrived: Callable[[Any], bool],
        lost: Callable[[BaseException], None],
    ) -> None:
        self._receive = receive
        self._arrived = arrived
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self.active = False
        """Whether a receive is in flight, or about to be."""
        # The receive, and what it waits for: None while it can be stepped on.
        self._iterator: Generator[Any, Any, Any] | None = None
        self._future: Any = None
        # How to wake the task that waits for this object.
        self._wakeup: Callable[[Any], object] | None = None
        self._context = Context()
        self._cancelled = False
        self._asyncio_future_blocking = False
        self._helper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Put a receive in flight, unless one is. The first step is done in a task, but not in this call."""
        if not self.active:
            self.active = True
            self._help()

    def stop(self) -> None:
        """Give the receive up, so that nothing keeps the server's connection alive."""
        self.active = False
        future, self._future, self._iterator = self._future, None, None
        if future is not None:
            future.cancel()

    def wake(self) -> None:
        """Let who waits go on, though nothing came."""
        wakeup = self._wakeup
        if wakeup is not None:
            self._wakeup = None
            self._loop.call_soon(wakeup, self, context=self._context)

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until something came or ``wake`` was called. One task at a time; it may be cancelled."""
        if self._future is not None or self._iterator is None:
            self._asyncio_future_blocking = True
            try:
                yield self
            except asyncio.CancelledError:
                # Wake-up and cancellation met: what has come must not wait for the next reader.
                if self._iterator is not None and self._future is None:
                    self._help()
                raise
            finally:
                self._wakeup = None
        self.step()

    def step(self) -> None:
        """Run the receive in flight, and those after it, until one has to wait.

        Always inside a task, since the server's code may ask for the current one.
        """
        while self._iterator is not None and self._future is None:
            try:
                future = next(self._iterator)
            except StopIteration as stop:
                self.active = self._arrived(stop.value)
                self._iterator = self._receive().__await__() if self.active else None
            except (Exception, asyncio.CancelledError) as error:
                self.active = False
                self._iterator = None
                self._lost(error)
            else:
                if future is None:
                    # A bare yield (asyncio.sleep(0)): go on in the loop's next round.
                    future = self._loop.create_future()
                    self._loop.call_soon(_settle, future)
                future._asyncio_future_blocking = False
                future.add_done_callback(self._ready)
                self._future = future

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
            self.active = False
            self._iterator = None
            self._lost(asyncio.CancelledError())
        else:
            self._help()

    def _help(self) -> None:
        if self._helper is None or self._helper.done():  # An eager task is done before we know it.
            self._helper = self._loop.create_task(self._step_apart())

    async def _step_apart(self) -> None:
        self._helper = None
        if self._iterator is None and self.active:
            self._iterator = self._receive().__await__()
        self.step()
        self.wake()

    # -- to the task that waits, this is a future --

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        """Of a future: who waits, and how to wake it."""
        self._wakeup = callback
        self._context = context
        self._cancelled = False

    def cancel(self, msg: object = None) -> bool:
        """Of a future: the task that waits is cancelled. The receive goes on."""
        if self._wakeup is None:
            return False
        self._cancelled = True
        self.wake()
        return True

    def result(self) -> None:
        """Of a future: nothing, or the cancellation."""
        if self._cancelled:
            self._cancelled = False
            raise asyncio.CancelledError

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Of a future: its loop."""
        return self._loop


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
