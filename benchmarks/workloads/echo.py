"""What a client sends comes back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.dialects import Talker
from benchmarks.load import abort_all, frame, open_client, open_many, size_from_server
from benchmarks.meter import Meter, settled
from benchmarks.workload import CPU, Case, Figures, Workload

WARM = 0.1
"""Seconds before what is measured."""
MAIN = (50, 64, 1)
LOADS = [load for load in itertools.product((1, 50, 500), (64, 4096, 65536), (1, 10)) if load != MAIN]
"""Connections, bytes, depth."""


class EchoClient(Talker):
    """Keeps ``depth`` messages on the way."""

    def __init__(self, contestant: Contestant) -> None:
        super().__init__(contestant.dialect.path(None))
        self.messages = 0

    def begin(self, text: str, depth: int) -> None:
        payload = text.encode()
        self.expected, self.frame = size_from_server(len(payload)), frame(payload)
        self.transport.write(self.frame * depth)

    def counted(self, messages: int) -> None:
        self.messages += messages
        self.transport.write(self.frame * messages)


AnyEchoClient = TypeVar("AnyEchoClient", bound=EchoClient)


async def open_echo(
    port: int, contestant: Contestant, make: Callable[[Contestant], AnyEchoClient], number: int = 0
) -> AnyEchoClient:
    client = make(contestant)
    await open_client(port, client)
    await contestant.dialect.greet(client, None)
    return client


async def measure(
    connections: int, size: int, depth: int, seconds: float, running: ProcessRunning, contestant: Contestant
) -> Figures:
    clients = await open_many(connections, partial(open_echo, running.port, contestant, EchoClient))
    text = contestant.dialect.message("x" * size, None)
    for client in clients:
        client.begin(text, depth)
    await asyncio.sleep(WARM)
    before = sum(client.messages for client in clients)
    meter = Meter(running.process.pid)
    await asyncio.sleep(seconds)
    figures = meter.stop(sum(client.messages for client in clients) - before)
    await abort_all(clients)
    await settled(running.process.pid)
    return figures


def told(connections: int, size: int, depth: int) -> str:
    bytes_or_more = f"{size} B" if size < 1024 else f"{size // 1024} KiB"
    return f"{connections} connection{'s'[: connections - 1]}, {bytes_or_more}, depth {depth}"


def workload(field: Field, seconds: float) -> Workload:
    main = partial(measure, *MAIN, seconds)
    cases = [Case(told(*MAIN), field.all(), main, free=field.core(), turns=field.turns)]
    cases += [
        Case(told(*load), field.floors(), partial(measure, *load, seconds / 2), quick=False) for load in LOADS
    ]
    return Workload(
        "echo",
        "Echo",
        "Each connection has so many messages on the way (depth), each of which comes back before the next.",
        "message",
        CPU,
        cases,
    )
