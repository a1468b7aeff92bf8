"""One member of a room sends, all get it."""

from __future__ import annotations

import time
from functools import partial

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.crowd import FanOut
from benchmarks.load import abort_all
from benchmarks.meter import Meter, settled
from benchmarks.workload import CPU, Case, Figures, Measure, Workload

SIZE = 64
COLUMNS = {**CPU, "p50": "all have it, p50 ms", "p99": "p99 ms"}
MAIN = 1000
OUTSIDE = "to 10, and 1,000 in another room"


async def measure(
    members: int, rooms: int, outsiders: int, seconds: float, running: ProcessRunning, contestant: Contestant
) -> Figures:
    fan_out = FanOut(running.port, contestant, SIZE)
    others = FanOut(running.port, contestant, SIZE)
    if outsiders:
        await others.join("elsewhere", outsiders)
    for number in range(rooms):
        await fan_out.join(f"room{number}", members // rooms)
    try:
        await fan_out.warm_up()
        await settled(running.process.pid)
        return await timed(fan_out, running, seconds)
    finally:
        await abort_all([*fan_out.members, *others.members])
        await settled(running.process.pid)


async def timed(fan_out: FanOut, running: ProcessRunning, seconds: float) -> Figures:
    meter, end = Meter(running.process.pid), time.monotonic() + seconds
    times = [await fan_out.broadcast()]
    while time.monotonic() < end:
        times.append(await fan_out.broadcast())
    figures = meter.stop(len(times) * len(fan_out.members))
    return figures | percentiles(times)


def percentiles(seconds: list[float]) -> Figures:
    """In milliseconds."""
    ordered = sorted(seconds)
    return {"p50": ordered[len(ordered) // 2] * 1000, "p99": ordered[len(ordered) * 99 // 100] * 1000}


def workload(field: Field, seconds: float) -> Workload:
    core, floors = field.core(), field.floors()
    on_rsgi = [each for each in floors if each.server == "granian-rsgi"]

    def load(members: int, rooms: int, outsiders: int) -> Measure:
        return partial(measure, members, rooms, outsiders, seconds)

    cases = [
        Case("to 1,000", field.all(), load(MAIN, 1, 0), free=core, turns=field.turns),
        Case("to 10", core, load(10, 1, 0)),
        Case(OUTSIDE, floors, load(10, 1, 1000)),
        Case("to 100", core, load(100, 1, 0)),
        Case("to 1,000 in ten rooms", core, load(MAIN, 10, 0), quick=False),
        Case("to 10,000", floors, load(10_000, 1, 0), quick=False),
        Case("to 10,000 in ten rooms", on_rsgi, load(10_000, 10, 0), quick=False),
    ]
    return Workload(
        "fan-out",
        "Fan-out",
        f"A member sends {SIZE} bytes, which go to all members; with ten rooms, one in each sends at the "
        "same time. The next one is sent when all have got it. The app without a library starts all sends "
        "together and waits for them, with no order and no protection against slow members.",
        "delivered message",
        COLUMNS,
        cases,
    )
