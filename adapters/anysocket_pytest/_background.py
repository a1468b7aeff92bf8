"""Where the clients of synchronous tests run."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from anysocket_servers._threads import LoopThread

Result = TypeVar("Result")


class Background:
    """An event loop on a thread of its own, started when it is first needed."""

    def __init__(self) -> None:
        self._thread: LoopThread | None = None

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run ``coroutine`` there and wait for it; its own bounds are the bound. A test that is interrupted
        while it waits cancels it."""
        __tracebackhide__ = True
        if self._thread is None:
            from anysocket_servers._threads import LoopThread

            self._thread = LoopThread("anysocket_pytest")
        future = self._thread.submit(coroutine)
        try:
            error = future.exception()
        finally:
            future.cancel()  # Nothing happens to one that is done.
        if error is not None:
            raise error  # Here, lest the traceback shows how futures work.
        return future.result()

    def stop(self) -> None:
        """End the thread, if there is one."""
        if self._thread is not None:
            self._thread.stop()
