"""What processes use: CPU time, memory, and on which processors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

STEP = 0.05
QUIET = 0.1
"""So little of a processor is what a server uses that has nothing to do."""


class Meter:
    """Of a server and of this process, which is the load generator, from the start until :meth:`stop`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self._now()

    def _now(self) -> tuple[float, float, float]:
        return cpu_seconds(self._pid), time.process_time(), time.monotonic()

    def stop(self, units: int) -> dict[str, float]:
        """Figures of ``units`` messages or whatever was done meanwhile: server CPU in microseconds for each,
        how many a second, and which share of a processor server and load generator used."""
        server, generator, seconds = (
            after - before for before, after in zip(self._before, self._now(), strict=True)
        )
        if not units:
            raise TimeoutError("nothing came back")
        return {
            "us": server / units * 1e6,
            "rate": units / seconds,
            "server": server / seconds,
            "generator": generator / seconds,
        }


async def settled(pid: int, timeout: float = 10.0) -> None:
    """The server has nothing left to do, such as for connections that have ended."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        before = cpu_seconds(pid)
        await asyncio.sleep(STEP)
        if cpu_seconds(pid) - before < QUIET * STEP:
            return


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children so far, all threads, exact to the nanosecond."""
    nanoseconds = 0
    for candidate in [pid, *children(pid)]:
        for schedstat in Path(f"/proc/{candidate}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # A thread that has ended.
                nanoseconds += int(schedstat.read_text().split()[0])
    return nanoseconds / 1e9


def children(pid: int) -> list[int]:
    """Every descendant of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listing:
            direct = [int(child) for child in listing.read().split()]
    except FileNotFoundError:
        return []
    return direct + [grandchild for child in direct for grandchild in children(child)]


def memory(pid: int) -> float:
    """MiB that a process and its children have in memory, what they share counted once."""
    kilobytes = 0
    for candidate in [pid, *children(pid)]:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{candidate}/smaps_rollup").read_text().splitlines()
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def allow_many_connections() -> None:
    """As many open files as the system lets this process have, and those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def on_processor(number: int | None) -> Iterator[None]:
    """This process, and those that it starts meanwhile, on one processor only; None: on any."""
    before = os.sched_getaffinity(0)
    if number is not None:
        os.sched_setaffinity(0, {number})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
