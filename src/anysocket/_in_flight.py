"""A receive that goes on whatever becomes of those who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context
from typing import Any

from anysocket._begun import forget_frames


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
        "_cancel_arguments",
        "_cancelled",
        "_context",
        "_future",
        "_helper",
        "_iterator",
        "_loop",
        "_lost",
        "_receive",
        "_settled",
        "_wakeup",
        "active",
    )

    def __init__(
        self,
        arrived: Callable[[Any], bool],
        lost: Callable[[BaseException], None],
    ) -> None:
        self._receive: Any = None
        self._arrived = arrived
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self.active = False
        """Whether a receive is in flight, or about to be."""
        # What the receive waits for, if it waits. It is a coroutine, stepped on through its iterator, or a
        # future of the server's own, which becomes settled.
        self._future: Any = None
        self._iterator: Generator[Any, Any, Any] | None = None
        self._settled: Any = None
        # How to wake the task that waits for this object.
        self._wakeup: Callable[[Any], object] | None = None
        self._context = Context()
        self._cancelled = False
        self._cancel_arguments: tuple[object, ...] = ()
        self._asyncio_future_blocking = False
        self._helper: asyncio.Task[None] | None = None

    def start(self, receive: Callable[[], Awaitable[Any]]) -> None:
        """Put a receive in flight, unless one is. The first step is done in a task, but not in this call."""
        if not self.active:
            self.active = True
            self._receive = receive
            self._help()

    def wait(self, receive: Callable[[], Awaitable[Any]]) -> InFlight:
        """What a reader awaits: the receive in flight, or one that is begun in the reader's task."""
        if not self.active:
            self.active = True
            self._receive = receive
        return self

    def stop(self) -> None:
        """Give the receive up, so that nothing keeps the server's connection alive."""
        future, self._future = self._future, None
        self.active, self._iterator, self._settled = False, None, None
        self._receive = None
        if future is not None:
            future.cancel()

    def wake(self) -> bool:
        """Let who waits go on, though nothing came; False if nobody waits."""
        wakeup = self._wakeup
        if wakeup is None:
            return False
        self._wakeup = None
        self._loop.call_soon(wakeup, self, context=self._context)
        return True

    def __await__(self) -> Generator[Any, None, None]:
        """Wait until something came or ``wake`` was called. One task at a time; it may be cancelled."""
        if self._future is None:
            self._step()
            if self._future is None:
                return
        self._asyncio_future_blocking = True
        try:
            yield self
        except asyncio.CancelledError:
            # Wake-up and cancellation met: what has come must not wait for the next reader.
            if self._future is None and self.active:
                self._help()
            raise
        finally:
            self._wakeup = None
        self._step()

    def _step(self) -> None:
        """Run the receive in flight, and those after it, until one has to wait.

        Always inside a task, since the server's code may ask for the current one. All in one piece, as it
        runs for every message.
        """
        while self.active and self._future is None:
            try:
                if self._settled is not None:
                    event = self._settled.result()
                    self._settled = None
                else:
                    future: Any = None
                    if self._iterator is None:
                        future = self._receive()
                        if not hasattr(future, "add_done_callback"):
                            self._iterator = future.__await__()
                    if self._iterator is not None:
                        future = next(self._iterator) or self._next_round()
                    future._asyncio_future_blocking = False
                    future.add_done_callback(self._ready)
                    self._future = future
                    return
            except StopIteration as stop:
                self._iterator = None
                event = stop.value
            except (Exception, asyncio.CancelledError) as error:
                self.active, self._iterator, self._settled = False, None, None
                self._lost(error)
                forget_frames(error)
                return
            self.active = self._arrived(event)

    def _next_round(self) -> asyncio.Future[None]:
        """What to wait for after a bare yield, as in asyncio.sleep(0)."""
        future = self._loop.create_future()
        self._loop.call_soon(_settle, future)
        return future

    def _ready(self, future: Any) -> None:
        """The loop calls: what the receive in flight waited for is there."""
        if future is not self._future:
            return  # Given up meanwhile.
        self._future = None
        if self._iterator is None:
            self._settled = future
        wakeup = self._wakeup
        if wakeup is not None:
            # Called by the loop, so no task is running: step the reader's task here and now.
            self._wakeup = None
            self._context.run(wakeup, self)
        else:
            self._help()

    def _help(self) -> None:
        if self._helper is None or self._helper.done():  # An eager task is done before we know it.
            self._helper = self._loop.create_task(self._step_apart())

    async def _step_apart(self) -> None:
        self._helper = None
        self._step()
        self.wake()

    # -- to the task that waits, this is a future --

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        """Of a future: who waits, and how to wake it."""
        self._wakeup = callback
        self._context = context
        self._cancelled = False

    def cancel(self, msg: object = None) -> bool:
        """Of a future: the task that waits is cancelled. The receive goes on."""
        self._cancelled = self._wakeup is not None
        self._cancel_arguments = () if msg is None else (msg,)
        return self.wake()

    def result(self) -> None:
        """Of a future: nothing, or the cancellation, by whose message anyio's scopes know their own."""
        if self._cancelled:
            self._cancelled = False
            raise asyncio.CancelledError(*self._cancel_arguments)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Of a future: its loop."""
        return self._loop


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
