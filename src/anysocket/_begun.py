"""A send that was begun without a task, and has to be waited for all the same."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any


async def finish(steps: Steps, future: Any) -> None:
    """Go on with a send that waits for ``future``."""
    await _Started(steps, future)


Steps = Generator[Any, Any, object] | Coroutine[Any, Any, object]
"""What a send does until its end, to be stepped by hand."""


def steps_of(sending: Awaitable[object]) -> Generator[Any, Any, object]:
    """Of an awaitable that is no coroutine: a generator, which can do as much."""
    return (yield from sending.__await__())


class _Started:
    """An awaitable that was stepped once already and now waits for ``future``."""

    __slots__ = ("_future", "_steps")

    def __init__(self, steps: Steps, future: Any) -> None:
        self._steps = steps
        self._future = future

    def __await__(self) -> Generator[Any, Any, None]:
        future = self._future
        step: Callable[[], Any]
        while True:
            try:
                yield future
            except BaseException as error:
                # A wait that fails belongs to the server's code, which may have an answer to it.
                step = partial(self._steps.throw, error)
            else:
                step = partial(self._steps.send, None)
            try:
                future = step()
            except StopIteration:
                return


class Call:
    """What a server's own future calls when it is done. Without its function when it is given up: Granian
    never lets go of a send that was cancelled, nor of what it would have called."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Any], object]) -> None:
        self.function: Callable[[Any], object] | None = function

    def __call__(self, future: Any) -> None:
        function, self.function = self.function, None
        if function is not None:
            function(future)


def failure_of(sending: Any) -> BaseException | None:
    """Why a server's own future that is done has failed, or None; not all of Granian's have ``cancelled()``.
    Who asks is to forget the frames."""
    try:
        sending.result()
    except (Exception, CancelledError) as error:
        return error
    return None


def forget_frames(error: BaseException) -> None:
    """Of an error that a server's own future keeps: the frames of its traceback lead back to that future, and
    no garbage collector sees into such a cycle."""
    error.__traceback__ = None
