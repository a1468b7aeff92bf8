"""What plain functions leave to be sent, sent in the order of the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[], Awaitable[object]]


class InOrder:
    """Does, one after the other, what was put and what was sent.

    What a plain function puts is taken up in the loop's next round, in a task; but an app that returns at
    once, as most do, has it done in its own task by :meth:`finish`, and no task is made.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Work] = deque()
        self._turn = asyncio.Lock()
        self._start: asyncio.Handle | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def put(self, work: Work) -> None:
        """Have this done after all that was put before. Nothing happens after :meth:`stop`."""
        if self._stopped:
            return
        self._waiting.append(work)
        if self._start is None:
            self._start = self._loop.call_soon(self._start_task)

    def _start_task(self) -> None:
        self._start = None
        if self._waiting:
            self._task = self._loop.create_task(self._work_off(self._task))

    async def _work_off(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before  # Its failure is ours.
        async with self._turn:
            while self._waiting:
                await self._waiting.popleft()()

    async def send(self, work: Work) -> None:
        """Do this after all that was put before, and wait for it. Raises what any of them raises."""
        async with self._turn:
            while self._waiting:
                await self._waiting.popleft()()
            await work()

    async def finish(self) -> None:
        """Do all that is left. Raises what has failed since it was put."""
        if self._start is not None:
            self._start.cancel()
            self._start = None
        await self._work_off(self._task)

    def stop(self) -> None:
        """Give up what is left; to be called in any case."""
        self._stopped = True
        self._waiting.clear()
        if self._start is not None:
            self._start.cancel()
        if self._task is not None:
            self._task.cancel()
            self._task.add_done_callback(_look_at)


def _look_at(task: asyncio.Task[None]) -> None:
    """Whoever was to hear of the failure is gone."""
    if not task.cancelled():
        task.exception()
