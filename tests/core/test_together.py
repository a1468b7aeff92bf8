"""Tasks that run together, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest

from anysocket._together import end, run_together


async def for_ever() -> None:
    await asyncio.Event().wait()


async def swallows(times: int) -> None:
    """Does not end at the first cancellations."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await for_ever()
    await for_ever()


async def fails() -> None:
    await asyncio.sleep(0)
    raise OSError("broken")


async def test_the_first_failure_is_raised_when_all_have_ended() -> None:
    before = asyncio.all_tasks()
    with pytest.raises(OSError, match="broken"):
        await run_together([for_ever(), swallows(2), fails()])
    assert asyncio.all_tasks() == before


async def test_a_cancellation_ends_all_of_them() -> None:
    before = asyncio.all_tasks()
    running = asyncio.create_task(run_together([for_ever(), swallows(2)]))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before


async def test_one_that_was_cancelled_is_a_failure() -> None:
    with pytest.raises(RuntimeError, match="was cancelled"):
        await run_together([for_ever(), cancels_itself()])


async def cancels_itself() -> None:
    raise asyncio.CancelledError


async def test_what_they_end_with_is_nobodys() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    failed = asyncio.create_task(fails())
    await asyncio.wait({failed})
    tasks = [failed, *(asyncio.create_task(coroutine) for coroutine in (fails(), swallows(3), for_ever()))]
    await end(tasks)
    assert all(task.done() for task in tasks)
    del failed, tasks
    assert told == [], "nobody is told of an exception that was never retrieved"


async def test_nor_is_it_where_their_end_is_cut_short() -> None:
    """As by a loop that ends, which cancels all tasks that there are."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    before, is_told, never = asyncio.all_tasks(), asyncio.Event(), asyncio.Event()

    async def stays() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await never.wait()
        is_told.set()
        await never.wait()

    running = asyncio.create_task(run_together([fails(), stays()]))
    async with asyncio.timeout(5):
        await is_told.wait()
    running.cancel()
    await asyncio.wait({running})
    del running
    gc.collect()
    assert told == []
    await end(asyncio.all_tasks() - before)
