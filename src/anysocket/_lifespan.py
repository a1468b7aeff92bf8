"""What an app sets up before it serves and takes down after, the same under ASGI and RSGI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

logger = logging.getLogger("anysocket")

LifespanManager = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


class Lifespan:
    """Runs ``async with lifespan(app) as state`` in one task from start to end, so that task groups and
    cancel scopes opened in it are closed by the task that opened them, as they demand. (RSGI calls
    start and end from outside any task.)"""

    def __init__(self, app: object, manager: LifespanManager | None) -> None:
        self._app = app
        self._manager = manager
        self._task: asyncio.Task[None] | None = None
        self._stop: asyncio.Event | None = None
        self._starting: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    async def start(self) -> None:
        """Enter the context manager; its errors come out of here. Without one, nothing happens."""
        if self._manager is None:
            return
        started = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._run(self._manager, started, self._stop))
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()

    async def ensure_started(self) -> None:
        """Start unless that was done, for servers that never call :meth:`start`. Any number of tasks may
        call it at once; it returns, or raises, when the one start is over."""
        if self._starting is None:
            self._starting = asyncio.create_task(self.start())
        await asyncio.shield(self._starting)

    async def stop(self, timeout: float | None = None) -> None:
        """Leave the context manager; its errors come out of here. What takes longer than ``timeout`` seconds
        is cancelled, with an error in the log."""
        if self._task is not None and self._stop is not None:
            self._stop.set()
            await asyncio.wait({self._task}, timeout=timeout)
            if not self._task.done():
                logger.error("the lifespan has not ended within drain_timeout: cancelled")
                self._task.cancel()
                await asyncio.wait({self._task}, timeout=timeout)
            task, self._task = self._task, None
            self.state.clear()
            if task.done() and not task.cancelled():
                task.result()

    async def _run(
        self, manager: LifespanManager, started: asyncio.Future[None], stop: asyncio.Event
    ) -> None:
        async with manager(self._app) as state:
            self.state.update(state or {})
            started.set_result(None)
            await stop.wait()
