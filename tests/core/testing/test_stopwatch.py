"""What promises of "within a second" are measured by."""

from __future__ import annotations

import asyncio
import time

from anysocket.testing._stopwatch import stopwatch

STANDSTILL = 0.3


async def test_time_that_the_process_stands_still_does_not_count() -> None:
    async with stopwatch() as watch:
        for _ in range(2):
            await asyncio.sleep(0.05)
            time.sleep(STANDSTILL)  # noqa: ASYNC251 - that is it
        at_once = watch.seconds
        await asyncio.sleep(0)
        assert 0.05 < at_once < 2 * STANDSTILL and watch.seconds < 2 * STANDSTILL


async def test_time_that_passes_while_others_wait_counts() -> None:
    async with stopwatch() as watch:
        await asyncio.sleep(STANDSTILL)
        assert watch.seconds > STANDSTILL / 2
