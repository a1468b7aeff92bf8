"""Tasks that run together until one of them fails, and that end when they are told to.

Libraries swallow cancellations: asyncio.wait_for() does so before Python 3.12 when what it waits for is done
at that moment, and redis-py and nats-py wait by it. A task that was told once to end may go on for ever, and
so may a TaskGroup, which waits for it. So whoever does not end is told again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any

AGAIN = 0.1
"""Seconds after which a task that still runs is told to end once more."""


async def run_together(coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run at the same time what runs for ever, until one of them fails, which is raised; the others have
    ended by then. May be cancelled: so are they."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        first, *_ = (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[0]
    finally:
        await end(tasks)
    if first.cancelled():
        raise RuntimeError("what runs for ever was cancelled")
    first.result()


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel them until they are done, whatever they end with."""
    for task in tasks:
        task.add_done_callback(_retrieve)
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN)


def _retrieve(task: asyncio.Future[Any]) -> None:
    """Nobody else looks at it, and whoever waits for the others may be cancelled."""
    if not task.cancelled():
        task.exception()
