"""Troubles that come again and again leave nothing behind in those who live through them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backplanes.nodes import start_node
from backplanes.traffic import Traffic, traffic
from brokers import Broker
from core.nodes import until

logger = logging.getLogger(__name__)

WARM_UP, TROUBLES = 3, 12
GROWTH = 8 << 20
"""Bytes that a process may grow by in all the troubles after the first ones, which fill its pools."""
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def kept() -> dict[str, int]:
    """What a process must not gather."""
    gc.collect()
    return {
        "tasks": len(asyncio.all_tasks()),
        "files": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }


async def have(times: int, trouble: Callable[[], Awaitable[None]], running: Traffic) -> None:
    """The trouble so often, each time until it is over."""
    for _ in range(times):
        await trouble()
        await running.flows()  # Which may be before its receiver has all that it runs.
        await until(lambda: running.sender.backplane.up and running.receiver.backplane.up, 10)
        running.check()
        running.came.clear()


async def leaves_nothing(trouble: Callable[[], Awaitable[None]], running: Traffic) -> None:
    """Have the trouble again and again, and compare what there is afterwards with what there was after the
    first few times."""
    await have(WARM_UP, trouble, running)
    before, memory = kept(), resident()
    await have(TROUBLES, trouble, running)
    grown = resident() - memory
    logger.warning("memory %+.2f MiB in %d troubles: %s, %s", grown / (1 << 20), TROUBLES, before, kept())
    await until(lambda: all(kept()[name] <= number for name, number in before.items()), 10)
    assert grown < GROWTH


@pytest.mark.soak
async def test_a_broker_that_is_killed_again_and_again(broker: Broker) -> None:
    async with traffic(broker.url, broker.url) as running:

        async def trouble() -> None:
            await asyncio.to_thread(broker.kill)
            await until(lambda: not running.receiver.backplane.up, 6)
            await asyncio.to_thread(broker.start)

        await leaves_nothing(trouble, running)


@pytest.mark.soak
async def test_a_broker_that_hangs_again_and_again(broker: Broker) -> None:
    async with traffic(broker.url, broker.url) as running:

        async def trouble() -> None:
            broker.pause()
            await until(lambda: not running.receiver.backplane.up, 6)
            broker.resume()

        await leaves_nothing(trouble, running)


@asynccontextmanager
async def node(url: str, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process on the same backplane, which talks."""
    process = await start_node(url, name)
    reading = asyncio.create_task(process.communicate())
    try:
        yield process
    finally:
        process.kill()
        await reading


@pytest.mark.soak
async def test_processes_that_come_and_are_killed(url: str) -> None:
    async with traffic(url, url) as running:

        async def trouble() -> None:
            async with node(url, "ann"):
                await until(lambda: running.receiver.backplane.statistics.nodes == 3, 10)
            await until(lambda: running.receiver.backplane.statistics.nodes == 2, 10)

        await leaves_nothing(trouble, running)


@pytest.mark.soak
async def test_a_process_that_stands_still_again_and_again(url: str) -> None:
    async with traffic(url, url) as running, node(url, "ann") as other:

        async def trouble() -> None:
            await until(lambda: running.receiver.backplane.statistics.nodes == 3, 10)
            other.send_signal(signal.SIGSTOP)
            await until(lambda: running.receiver.backplane.statistics.nodes == 2, 10)
            other.send_signal(signal.SIGCONT)

        await leaves_nothing(trouble, running)
