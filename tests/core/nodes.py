"""Several managers on one hub, each as in a process of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anysocket import WebSocketManager
from anysocket._memory_backplane import MemoryBackplane
from anysocket.testing import MemoryHub

TIMEOUT = 5.0


async def until(condition: Callable[[], object], seconds: float = TIMEOUT) -> None:
    """Wait until it holds; fail if it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s"
        await asyncio.sleep(0.002)


@asynccontextmanager
async def nodes(
    hub: MemoryHub, number: int, **options: Any
) -> AsyncIterator[tuple[list[WebSocketManager], list[MemoryBackplane]]]:
    """Managers that know each other, and their backplanes."""
    planes = [hub.connect() for _ in range(number)]
    managers = [WebSocketManager(backplane=plane, **options) for plane in planes]
    await asyncio.gather(*(manager.backplane.start() for manager in managers))
    await until(lambda: all(manager.backplane.statistics.nodes == number for manager in managers))
    try:
        yield managers, planes
    finally:
        await asyncio.gather(*(manager.backplane.stop() for manager in managers))
