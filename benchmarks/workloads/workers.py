"""Rooms of one and two workers."""

from __future__ import annotations

from functools import partial

from benchmarks.contestants import Contestant, Field
from benchmarks.workload import Case, Workload
from benchmarks.workloads import fan_out

BACKPLANE = "zenoh://"


def workload(field: Field, seconds: float) -> Workload:
    who = field.pick(
        [
            Contestant("granian-rsgi", "anysocket"),
            Contestant("granian-rsgi", "anysocket", BACKPLANE),
            Contestant("granian-rsgi-2-workers", "anysocket", BACKPLANE),
        ]
    )
    measure = partial(fan_out.measure, fan_out.MAIN, 1, 0, seconds)
    return Workload(
        "workers",
        "Workers with a backplane",
        "A fan-out to 1,000 members, who are on any of the workers.",
        "delivered message",
        fan_out.COLUMNS,
        [Case("to 1,000", who, measure, free=who)],
    )
