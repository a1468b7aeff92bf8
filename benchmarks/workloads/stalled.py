"""Fan-outs while some of the members do not read."""

from __future__ import annotations

import asyncio
import time

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.crowd import FanOut, Member
from benchmarks.load import abort_all
from benchmarks.meter import settled
from benchmarks.workload import Case, Figures, Workload
from benchmarks.workloads.fan_out import percentiles

MEMBERS, STALLED, SIZE = 1000, 5, 32768
FILLED, PAIRS = 104, 120
"""So many messages before what is measured, and so many that are. A system keeps 2.5 to 4 MiB for one that
does not read, depending on the server; anysocket keeps 1 MiB more, then closes it, while it is measured.
The p99 is then the longest but one: of either room a single one takes 10 ms more with any library, mostly
the first, as the system's buffers grow.
"""
LONGEST = 10.0
"""Seconds after which no more follow: some libraries take a second for each."""
BLOCKED = 3.0
"""Seconds after which a broadcast counts as blocked by those who do not read."""
READ_AGAIN = 2.0
"""Seconds in which those see that they were closed."""
COLUMNS = {
    "ratio": "p99 beside a room where all read",
    "p99": "p99, ms",
    "p99_reading": "p99 where all read, ms",
    "p50": "p50, ms",
    "p50_reading": "p50 where all read, ms",
    "closed": "of 5, closed by the server",
}


async def measure(running: ProcessRunning, contestant: Contestant) -> Figures:
    """The same in both rooms, in turns: what else the machine does is the same for both."""
    reading, mixed, aside = (FanOut(running.port, contestant, SIZE) for _ in range(3))
    stalled = [await aside.join_one("mixed", small=True) for _ in range(STALLED)]
    for member in stalled:
        member.transport.pause_reading()
    try:
        figures = percentiles_of(*await in_turns(reading, mixed))
        return figures | {"closed": await closed(stalled)}
    except TimeoutError:
        return {"ratio": float("inf"), "p99": float("inf")}
    finally:
        await abort_all([*reading.members, *mixed.members, *stalled])
        await settled(running.process.pid)


async def in_turns(reading: FanOut, mixed: FanOut) -> tuple[list[float], list[float]]:
    """Seconds of each broadcast, first in the room where all read. ``TimeoutError``: blocked."""
    await mixed.join("mixed", 1)
    await mixed.warm_up()
    for _ in range(FILLED):
        await mixed.broadcast(BLOCKED)
    await mixed.join("mixed", MEMBERS - STALLED - 1)
    await reading.join("reading", MEMBERS)
    for fan_out in (reading, mixed):
        await fan_out.warm_up()
    turns: list[tuple[float, float]] = []
    end = time.monotonic() + LONGEST
    while len(turns) < PAIRS and time.monotonic() < end:
        turns.append((await reading.broadcast(BLOCKED), await mixed.broadcast(BLOCKED)))
    return [alone for alone, _ in turns], [beside for _, beside in turns]


def percentiles_of(reading: list[float], mixed: list[float]) -> Figures:
    alone, beside = percentiles(reading), percentiles(mixed)
    ratio = beside["p99"] / alone["p99"]
    return {"ratio": ratio, **beside, "p99_reading": alone["p99"], "p50_reading": alone["p50"]}


async def closed(stalled: list[Member]) -> int:
    """How many see the end of their connection once they read again."""
    for member in stalled:
        member.transport.resume_reading()
    await asyncio.wait([member.ended for member in stalled], timeout=READ_AGAIN)
    return sum(member.ended.done() for member in stalled)


def workload(field: Field, seconds: float) -> Workload:
    who = field.floors()
    if not field.quick:
        names = "starlette", "litestar", "socketio", "channels", "quart", "ws"
        who += field.libraries(*names, servers=("uvicorn-sansio", "node"))
    return Workload(
        "stalled",
        "Members that do not read",
        f"Two rooms of {MEMBERS}, broadcast to in turns, {SIZE // 1024} KiB each: in one of them {STALLED} "
        f"members do not read. Infinite: a broadcast had not reached the others within {BLOCKED:.0f} s.",
        "broadcast",
        COLUMNS,
        [Case(f"5 of {MEMBERS:,}", who, measure)],
    )
