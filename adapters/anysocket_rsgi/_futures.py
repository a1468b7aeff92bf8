"""The awaitables of Granian's RSGI, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any

from anysocket_rsgi._errors import ProtocolError

Work = Coroutine[Any, Any, Any]

# The loop's own references to tasks are weak, and a future that nobody holds goes on all the same.
RUNNING: set[asyncio.Task[None]] = set()


class GranianFuture:
    """What Granian's calls return: started at the call, with one place for a callback, and no task's
    coroutine (``create_task`` refuses it). A cancelled one keeps what it had taken already."""

    _asyncio_future_blocking = True

    def __init__(self, work: Work) -> None:
        self._loop = asyncio.get_running_loop()
        self._callback: tuple[Callable[[Any], object], Context | None] | None = None
        self._cancel_message: object = "Future cancelled."
        self._done = self._was_cancelled = False
        self._result: Any = None
        self._error: Exception | None = None
        self._task = self._loop.create_task(self._run(work))
        RUNNING.add(self._task)
        self._task.add_done_callback(RUNNING.discard)
        # Cancelled before its first step, it would complain that nobody awaited it.
        self._task.add_done_callback(lambda task: work.close())

    async def _run(self, work: Work) -> None:
        try:
            result, error = await work, None
        except Exception as failure:
            result, error = None, failure.with_traceback(None)
        # The result is on its way from Granian's thread to ours: cancelled now, it is lost.
        await asyncio.sleep(0)
        if not self._done:
            self._result, self._error = result, error
            self._finish()

    def _finish(self) -> None:
        self._done = True
        if self._callback is not None:
            self._loop.call_soon(self._callback[0], self, context=self._callback[1])

    def __await__(self) -> GranianFuture:
        return self

    __iter__ = __await__

    def __next__(self) -> GranianFuture:
        if not self._done or self._was_cancelled:
            return self
        if self._error is not None:
            raise self._error
        raise StopIteration(self._result)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, callback: Callable[[Any], object], context: Context | None = None) -> None:
        """Replaces the callback that was there."""
        if self._done:
            self._loop.call_soon(callback, self, context=context)
        else:
            self._callback = (callback, context)

    def remove_done_callback(self, callback: object) -> int:
        """Whichever it is."""
        self._callback = None
        return 1

    def cancel(self, msg: object = None) -> bool:
        if self._done:
            return False
        self._cancel_message = self._cancel_message if msg is None else msg
        self._was_cancelled = True
        self._task.cancel()
        self._finish()
        return True

    def done(self) -> bool:
        return self._done

    def cancelled(self) -> bool:
        return self._was_cancelled

    def result(self) -> Any:
        error = self.exception()
        if error is not None:
            raise error
        return self._result

    def exception(self) -> Exception | None:
        if self._was_cancelled:
            raise asyncio.CancelledError(self._cancel_message)
        if not self._done:
            raise asyncio.InvalidStateError("Result is not ready.")
        return self._error


class FailedAwaitable:
    """What a send returns after a close of ours: it raises whenever it is awaited, and is no future."""

    def __await__(self) -> Iterator[None]:
        return self

    __iter__ = __await__

    def __next__(self) -> None:
        raise ProtocolError("closed")
