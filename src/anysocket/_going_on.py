"""A send that goes on though its sender is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any


class GoingOn:
    """Waits for a future of the server's own. A cancellation reaches who waits, and not the future.

    Granian sends the message of a cancelled send all the same: what is sent next would be beside it on a
    server with threads, and overtake it, or pile up behind it where the peer is too slow. To the task that
    waits this object is the future it waits for, hence the methods of a future.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_context", "_wakeup", "afterwards", "future")

    def __init__(self, future: Any) -> None:
        self.future: Any = future
        """What goes on, until it is done. Not longer: it refers to us, unseen by the garbage collector."""
        self.afterwards: Callable[[Any], object] | None = None
        """Called with the future when it is done, if who waited was cancelled."""
        self._wakeup: Callable[[Any], object] | None = None

    def __await__(self) -> Generator[Any, None, None]:
        self._asyncio_future_blocking = True
        yield self

    def give_up(self) -> None:
        """The connection is over, and nobody waits: of no interest any more."""
        if self.future is not None:
            self.future.cancel()

    def _done(self, future: Any) -> None:
        """The loop calls, so no task is running: step the one that waits here and now."""
        self.future = None
        wakeup, self._wakeup = self._wakeup, None
        try:
            if wakeup is not None:
                wakeup(future)
            elif self.afterwards is not None:
                self.afterwards(future)
        finally:
            # Tracebacks of what was stepped lead here (from Python 3.12 on), and the future keeps that of its
            # failure: a cycle that is unseen, too.
            del future

    # -- to the task that waits, this is a future --

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context) -> None:
        """Of a future: who waits, and how to wake it."""
        self._wakeup, self._context = callback, context
        self.future.add_done_callback(self._done, context=context)

    def cancel(self, msg: object = None) -> bool:
        """Of a future: the task that waits is cancelled. What it waits for goes on."""
        wakeup, self._wakeup = self._wakeup, None
        if wakeup is None:
            return False
        self._cancelled = () if msg is None else (msg,)
        asyncio.get_running_loop().call_soon(wakeup, self, context=self._context)
        return True

    def result(self) -> None:
        """Of a future: called for a cancellation only, by whose message anyio's scopes know their own."""
        raise asyncio.CancelledError(*self._cancelled)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Of a future: its loop."""
        return asyncio.get_running_loop()
