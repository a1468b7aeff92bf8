"""A plain function that runs an event loop, called while that loop runs: RSGI's ``__rsgi_init__(loop)``.

RSGI calls it before the loop runs, so the function may say ``loop.run_until_complete(…)``. Under ASGI the
loop runs already, and cannot run inside itself. So the function gets a thread of its own, and the two
threads take turns: while the function runs, the loop's thread waits and the loop is at rest, as RSGI has
it; while the function is in ``run_until_complete()``, it waits and the loop runs. They never run at once,
hence whatever the function does with the loop, or with tasks and futures of it, is as safe as in one
thread, and it is the loop itself that it gets: what it makes belongs to the loop that serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, NoReturn

logger = logging.getLogger("anysocket")

Loop = asyncio.AbstractEventLoop
CONTAINED = (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt)
"""What a coroutine may end with; but for being contained, the last two would end the server's loop."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a call or an awaitable ended, carried to the other thread."""

    value: Any = None
    error: BaseException | None = None

    def result(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class _Call:
    """The function's thread asks the loop's thread to call this, without running the loop."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class _Wait:
    """The function's thread asks for the loop to run until this is done."""

    awaitable: Awaitable[Any]


async def call_at_rest(function: Callable[[Loop], object]) -> None:
    """Call ``function(loop)`` with the running loop, which is at rest but for its ``run_until_complete``.

    What the function raises comes out of here. Cancelled, the awaitable that the function waits for is
    cancelled, and by that the function. Nothing else on the loop runs while the function computes.
    """
    await _Turns(asyncio.get_running_loop(), function).run()


class _Turns:
    """The two threads. Each queue has one item at most: whose turn it is reads from the other's."""

    def __init__(self, loop: Loop, function: Callable[[Loop], object]) -> None:
        self._loop = loop
        self._function = function
        self._context = contextvars.copy_context()
        self._thread = threading.Thread(target=self._run_function, name="rsgi-worker-life", daemon=True)
        self._requests: SimpleQueue[_Call | _Wait | _Outcome] = SimpleQueue()
        self._answers: SimpleQueue[_Outcome] = SimpleQueue()
        self._cancelled = False

    # -- in the loop's thread --

    async def run(self) -> None:
        request = self._let_function_run(self._thread.start)
        while isinstance(request, _Wait):
            outcome = await self._complete(request.awaitable)
            request = self._let_function_run(partial(self._answers.put, outcome))
        self._thread.join()
        request.result()
        if self._cancelled:
            raise asyncio.CancelledError

    def _let_function_run(self, resume: Callable[[], None]) -> _Wait | _Outcome:
        """Hand over to the function, until it ends or wants the loop to run."""
        with self._at_rest():
            resume()
            while isinstance(request := self._requests.get(), _Call):
                try:
                    self._answers.put(_Outcome(request.function()))
                except Exception as error:
                    self._answers.put(_Outcome(error=error))
            return request

    async def _complete(self, awaitable: Awaitable[Any]) -> _Outcome:
        """A coroutine runs in a task of its own, as with ``run_until_complete``."""
        if asyncio.iscoroutine(awaitable):
            awaitable = _contained(awaitable)
        try:
            future = asyncio.ensure_future(awaitable)
        except (TypeError, ValueError) as error:  # Nothing to wait for; or another loop's.
            return _Outcome(error=error)
        try:
            await asyncio.wait({future})
        except asyncio.CancelledError:
            self._cancelled = True
            future.cancel()
            await asyncio.wait({future})
        try:
            value = future.result()
        except (Exception, asyncio.CancelledError) as error:
            return _Outcome(error=error)
        return value if isinstance(value, _Outcome) else _Outcome(value)

    @contextlib.contextmanager
    def _at_rest(self) -> Iterator[None]:
        """The loop as it is to the function: not running. Its own methods are back when it runs."""
        loop: Any = self._loop
        methods: dict[str, Callable[..., Any]] = {
            "is_running": lambda: False,
            "run_until_complete": self._run_until_complete,
            "add_signal_handler": self._in_loop_thread(_add_signal_handler(loop.add_signal_handler)),
            "remove_signal_handler": self._in_loop_thread(loop.remove_signal_handler),
            **{name: _refused(name) for name in ("run_forever", "stop", "close")},
        }
        # In debug mode the loop suspects every call from another thread; this one is expected.
        debug = loop.get_debug()
        loop.set_debug(False)
        for name, method in methods.items():
            setattr(loop, name, method)
        try:
            yield
        finally:
            for name in methods:
                delattr(loop, name)
            loop.set_debug(debug)

    # -- in the function's thread --

    def _run_function(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._context.run(self._function, self._loop)
            outcome = _Outcome()
        except BaseException as error:  # SystemExit is how an app refuses to start.
            outcome = _Outcome(error=error)
        finally:
            asyncio.set_event_loop(None)
        self._requests.put(outcome)

    def _run_until_complete(self, future: Awaitable[Any]) -> Any:
        self._requests.put(_Wait(future))
        return self._answers.get().result()

    def _in_loop_thread(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Signals can be handled from the main thread only, and that is where servers run their loop."""

        def call(*arguments: Any) -> Any:
            self._requests.put(_Call(lambda: function(*arguments)))
            return self._answers.get().result()

        return call


async def _contained(coroutine: Awaitable[Any]) -> _Outcome:
    try:
        return _Outcome(await coroutine)
    except CONTAINED as error:
        return _Outcome(error=error)


def _add_signal_handler(add: Callable[..., None]) -> Callable[..., None]:
    def add_signal_handler(number: int, callback: Callable[..., object], *arguments: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            add(number, callback, *arguments)
        else:  # As under Starlette's TestClient, to which nobody sends signals.
            logger.warning("no handler for signal %s: the event loop is not in the main thread", number)

    return add_signal_handler


def _refused(name: str) -> Callable[..., NoReturn]:
    def refuse(*arguments: Any) -> NoReturn:
        raise RuntimeError(f"loop.{name}() is for the server: an RSGI app may use run_until_complete()")

    return refuse
