"""Memory of connections on which nothing happens."""

from __future__ import annotations

import time
from functools import partial

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.crowd import FanOut
from benchmarks.load import abort_all
from benchmarks.meter import memory, settled
from benchmarks.workload import Case, Figures, Workload

WARM = 100
"""Connections that come and go before: what a server loads at the first ones counts for none."""
STEPS, QUICK_STEPS = (1000, 2500, 5000, 10_000), (1000, 2000)


def at(count: int) -> str:
    return f"at_{count}"


async def measure(steps: tuple[int, ...], running: ProcessRunning, contestant: Contestant) -> Figures:
    """KiB for each connection at so many, and how many are accepted a second."""
    pid = running.process.pid
    first = FanOut(running.port, contestant, 64)
    await first.join("first", WARM)
    await abort_all(first.members)
    await settled(pid)
    crowd, before, begin, figures = FanOut(running.port, contestant, 64), memory(pid), time.monotonic(), {}
    for count in steps:
        await crowd.join("idle", count - len(crowd.members))
        await settled(pid)
        figures[at(count)] = (memory(pid) - before) * 1024 / count
    figures["seconds"] = time.monotonic() - begin
    await abort_all(crowd.members)
    # The first figure is that of most connections.
    return dict(reversed(figures.items()))


def workload(field: Field, seconds: float) -> Workload:
    steps = QUICK_STEPS if field.quick else STEPS
    columns = {at(count): f"KiB at {count:,}" for count in reversed(steps)}
    return Workload(
        "idle",
        "Memory of idle connections",
        "Members of one room that send and get nothing. What the server's processes have in memory, shared "
        "pages counted once, above that before, for each connection.",
        "connection",
        {**columns, "seconds": "all accepted in, s"},
        [Case(f"{steps[-1]:,} connections", field.core(), partial(measure, steps), fresh=True)],
    )
