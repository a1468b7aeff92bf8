"""Threads for what runs in this process and must outlive, or not stop, one test's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from anysocket_servers._endpoint import TIMEOUT

Result = TypeVar("Result")


class LoopThread:
    """An event loop of its own on a daemon thread: it outlives the loop of one test, and one that an app
    blocks does not stop the run."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def call(self, coroutine: Coroutine[Any, Any, Result], timeout: float = 2 * TIMEOUT) -> Result:
        """Run ``coroutine`` on that loop; ``TimeoutError`` after ``timeout`` seconds, as where an app blocks
        its loop. Cancelling the call cancels it there."""
        return await asyncio.wait_for(asyncio.wrap_future(self.submit(coroutine)), timeout)

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start ``coroutine`` on that loop, from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """Cancel what is left on the loop and end it; a loop that is blocked is left behind."""
        with contextlib.suppress(TimeoutError):
            self.submit(_cancel_others()).result(TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class CallThread:
    """Blocking calls one after the other on a daemon thread of their own: one that never returns stops
    neither the caller's loop nor the end of the run."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Queue ``call``, from any thread."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    async def call(self, call: Callable[[], Result], timeout: float = TIMEOUT) -> Result:
        """The result of ``call``; ``TimeoutError`` after ``timeout`` seconds."""
        return await asyncio.wait_for(asyncio.wrap_future(self.submit(call)), timeout)

    def stop(self) -> None:
        """End the thread after the calls that are queued."""
        self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # It belongs to whoever asked for the call.
                    future.set_exception(_harmless(error))


def _harmless(error: BaseException) -> Exception:
    """The error, or one in its place where an app's end would be that of its caller."""
    if isinstance(error, Exception) and not isinstance(error, CancelledError):
        return error
    return RuntimeError(f"it raised {error!r}")
