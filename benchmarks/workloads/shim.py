"""The same app on the interface that it is written for, and through the shim."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant, Field
from benchmarks.load import connect, open_many
from benchmarks.meter import Meter, settled
from benchmarks.workload import CPU, Case, Figures, Workload
from benchmarks.workloads import echo

CONNECTIONS = 50


class RequestClient(asyncio.Protocol):
    """Sends a request when the response to the last one is here, whose body is JSON."""

    request = b"GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"

    def __init__(self) -> None:
        self.pending = b""
        self.received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        if self.pending.endswith(b"}"):
            assert self.pending.startswith(b"HTTP/1.1 200"), self.pending
            self.pending = b""
            self.received += 1
            self.transport.write(self.request)


async def requests(seconds: float, running: ProcessRunning, contestant: Contestant) -> Figures:
    clients = await open_many(CONNECTIONS, lambda _: connect(running.port, RequestClient))
    await asyncio.sleep(echo.WARM)
    before, meter = sum(client.received for client in clients), Meter(running.process.pid)
    await asyncio.sleep(seconds)
    figures = meter.stop(sum(client.received for client in clients) - before)
    for client in clients:
        client.transport.abort()
    await settled(running.process.pid)
    return figures


def workload(field: Field, seconds: float) -> Workload:
    starlette = Contestant("granian-asgi", "starlette"), Contestant("granian-rsgi", "starlette-shim")
    raw = Contestant("granian-rsgi", "raw"), Contestant("uvicorn-sansio", "raw-rsgi-shim")
    beside = Contestant("uvicorn-sansio", "raw")
    echoed = partial(echo.measure, *echo.MAIN, seconds)
    return Workload(
        "shim",
        "The shim",
        f"An app through `from_asgi` or `from_rsgi`, beside the same without it; {CONNECTIONS} connections.",
        "request or message",
        CPU,
        [
            Case(
                "JSON",
                field.pick([*starlette, Contestant("granian-rsgi", "anysocket")]),
                partial(requests, seconds),
            ),
            Case("echo, ASGI app", field.pick(starlette), echoed),
            Case("echo, RSGI app", field.pick([beside, *raw]), echoed),
        ],
    )
