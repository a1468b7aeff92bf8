"""Many connections at once."""

from __future__ import annotations

from functools import partial

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.load import AT_ONCE, abort_all, open_many
from benchmarks.meter import Meter, settled
from benchmarks.workload import CPU, Case, Figures, Workload
from benchmarks.workloads.echo import EchoClient, open_echo

COUNT = 500


async def measure(running: ProcessRunning, contestant: Contestant) -> Figures:
    meter = Meter(running.process.pid)
    clients = await open_many(COUNT, partial(open_echo, running.port, contestant, EchoClient))
    figures = meter.stop(COUNT)
    await abort_all(clients)
    await settled(running.process.pid)
    return figures


def workload(field: Field, seconds: float) -> Workload:
    return Workload(
        "storm",
        "Connection storm",
        f"{COUNT} connections as fast as they are accepted, {AT_ONCE} handshakes at the same time.",
        "connection",
        {**CPU, "rate": "accepted a second"},
        [Case(f"{COUNT} connections", field.core(), measure)],
    )
