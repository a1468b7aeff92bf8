"""Joining, leaving and looking up rooms, beside few and many others."""

from __future__ import annotations

import json
from functools import partial

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.dialects import Talker
from benchmarks.load import abort_all, frame, open_client
from benchmarks.meter import settled
from benchmarks.workload import Case, Figures, Workload

COUNTS = (1000, 100_000)
REPEATED = 20
"""So many times in one measurement, of which the fastest counts: each takes a millisecond, and anything may
be in its way."""


async def measure(rooms: int, running: ProcessRunning, contestant: Contestant) -> Figures:
    client = Talker(f"/drill/{rooms}")
    await open_client(running.port, client)
    times = []
    for _ in range(REPEATED):
        client.transport.write(frame(b"go"))
        times.append(json.loads(await client.greetings.get()))
    await abort_all([client])
    await settled(running.process.pid)
    figures = {name: min(each[name] for each in times) for name in times[0]}
    return {**figures, "rate": 1e6 / (figures["join"] + figures["leave"])}


def workload(field: Field, seconds: float) -> Workload:
    who = field.libraries("anysocket", servers=("granian-rsgi",))
    return Workload(
        "drill",
        "Joining and leaving rooms",
        "One connection in so many other rooms joins 1,000 more, looks up their members, and leaves them.",
        "join",
        {
            "join": "join, us",
            "leave": "leave, us",
            "look_up": "look up members, us",
            "rate": "joins and leaves a second",
        },
        [Case(f"beside {count:,} rooms", who, partial(measure, count)) for count in COUNTS],
    )
