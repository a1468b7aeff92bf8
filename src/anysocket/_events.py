"""What a manager tells of its connections and rooms."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from inspect import iscoroutine
from typing import Any, TypeVar

from anysocket._gap import Gap

logger = logging.getLogger("anysocket")

ConnectionCallback = Callable[[str], Awaitable[None] | None]
RoomCallback = Callable[[str, str], Awaitable[None] | None]
GapCallback = Callable[[Gap], Awaitable[None] | None]
OfConnection = TypeVar("OfConnection", bound=ConnectionCallback)
OfRoom = TypeVar("OfRoom", bound=RoomCallback)
OfGap = TypeVar("OfGap", bound=GapCallback)

Step = tuple[Callable[..., object], Coroutine[Any, Any, object]]


class Events:
    """Callbacks, which never fail or delay who causes the event.

    Plain functions are called at once. Coroutine functions run in a task, those of one connection one after
    the other, in the order of the events.
    """

    def __init__(self) -> None:
        self.connect: list[ConnectionCallback] = []
        self.disconnect: list[ConnectionCallback] = []
        self.join: list[RoomCallback] = []
        self.leave: list[RoomCallback] = []
        self.gap: list[GapCallback] = []
        self._steps: dict[str, deque[Step]] = {}
        """What is still to run, by connection; each has a task while there is something."""
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, callbacks: list[Any], id: str, *room: str) -> None:
        """Tell of an event of one connection, and of one room if it is about one."""
        self._tell(callbacks, id, id, *room)

    def tell_gap(self, gap: Gap) -> None:
        """Tell of messages of other processes that were missed."""
        self._tell(self.gap, "", gap)

    def _tell(self, callbacks: list[Any], id: str, *arguments: object) -> None:
        for callback in callbacks:
            try:
                outcome = callback(*arguments)
            except Exception as error:
                _log_failure(callback, id, error)
            else:
                if iscoroutine(outcome):
                    self._run(id, (callback, outcome))

    def _run(self, id: str, step: Step) -> None:
        steps = self._steps.get(id)
        if steps is not None:
            steps.append(step)
            return
        self._steps[id] = deque([step])
        task = asyncio.get_running_loop().create_task(self._work_off(id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_off(self, id: str) -> None:
        steps = self._steps[id]
        try:
            while steps:
                callback, outcome = steps[0]
                try:
                    await outcome
                except Exception as error:
                    _log_failure(callback, id, error)
                steps.popleft()
        finally:
            del self._steps[id]
            for _, outcome in steps:  # Cancelled: the event loop ends.
                outcome.close()


class TellsEvents:
    """The part of a manager by which it is asked to tell of its events."""

    _events: Events

    def on_connect(self, callback: OfConnection) -> OfConnection:
        """Call back with the id when a connection was added; a decorator, as the other three.

        Plain functions are called at once, coroutine functions run in a task: those of one connection in the
        order of its events. What they raise is logged and reaches nobody else.
        """
        self._events.connect.append(callback)
        return callback

    def on_disconnect(self, callback: OfConnection) -> OfConnection:
        """Call back with the id when a connection has ended or was removed, after it has left its rooms."""
        self._events.disconnect.append(callback)
        return callback

    def on_join(self, callback: OfRoom) -> OfRoom:
        """Call back with the id and the room when a connection has joined."""
        self._events.join.append(callback)
        return callback

    def on_leave(self, callback: OfRoom) -> OfRoom:
        """Call back with the id and the room when a connection has left, by itself or at its end."""
        self._events.leave.append(callback)
        return callback

    def on_gap(self, callback: OfGap) -> OfGap:
        """Call back with a :class:`Gap` when messages of other processes were missed: when one comes whose
        number shows it, and when the backplane is back. Coroutines run one after the other."""
        self._events.gap.append(callback)
        return callback


def _log_failure(callback: Callable[..., object], id: str, error: Exception) -> None:
    name = getattr(callback, "__qualname__", repr(callback))
    logger.error("callback %s failed on connection %r", name, id, exc_info=error)
