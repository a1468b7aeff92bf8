"""How long something took, on a machine that may have other things to do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

TICK = 0.01
"""Seconds between two looks at the clock."""


class Stopwatch:
    """Seconds since it was started, without those by which this process came too late to its own timers:
    what a promise of "within a second" is measured by."""

    def __init__(self) -> None:
        self._begun = self._seen = time.monotonic()
        self._late = 0.0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begun - self._late - self._lateness()

    def _lateness(self) -> float:
        return max(time.monotonic() - self._seen - TICK, 0.0)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            self._late += self._lateness()
            self._seen = time.monotonic()


@contextlib.asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """One that runs inside ``async with``."""
    watch = Stopwatch()
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
