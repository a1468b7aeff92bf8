"""An RSGI app that fails at a random point of each request and WebSocket: the query is its seed."""

from __future__ import annotations

import asyncio
import gc
import json
import linecache
import logging
import os
import random
import sys
from typing import Any

from anysocket_asgi import from_rsgi

# Thousands of tracebacks of failures that are wanted: formatted, and not kept.
logging.basicConfig(stream=open(os.devnull, "w"))  # noqa: SIM115


class Wanted(Exception):
    """A failure."""


def is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether it runs code of ours: servers have tasks of their own for a connection's last seconds."""
    coroutine: Any = task.get_coro()
    while getattr(coroutine, "cr_code", None) is not None:
        if "anysocket_" in coroutine.cr_code.co_filename or "chaos" in coroutine.cr_code.co_filename:
            return True
        coroutine = coroutine.cr_await
    return False


def usage() -> dict[str, int]:
    """What a leak would add to."""
    linecache.clearcache()  # The source lines that the log's tracebacks show.
    gc.collect()
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "tasks": sum(is_ours(task) for task in asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "bytes": resident,
    }


class Chaos:
    """One connection."""

    def __init__(self, chance: random.Random, protocol: Any) -> None:
        self.chance = chance
        self.protocol = protocol

    async def point(self) -> None:
        """Go on, or not."""
        match self.chance.randrange(14):
            case 0:
                raise Wanted("raised")
            case 1:
                raise asyncio.CancelledError
            case 2:
                await asyncio.sleep(0.005)

    async def request(self) -> None:
        protocol = self.protocol
        await self.point()
        if self.chance.random() < 0.3:
            waiting = asyncio.ensure_future(protocol.client_disconnect())
            if self.chance.random() < 0.5:
                waiting.cancel()
        match self.chance.randrange(3):
            case 0:
                await protocol()
            case 1:
                async for _ in protocol:
                    await self.point()
        await self.respond()
        await self.point()

    async def respond(self) -> None:
        protocol = self.protocol
        match self.chance.randrange(6):
            case 0:
                protocol.response_empty(204, [])
            case 1:
                protocol.response_str(200, [("x", "a\nb")], "body")
            case 2:
                protocol.response_file(200, [], __file__)
            case 3:
                protocol.response_file_range(206, [], __file__, 5, 500)
            case 4:
                transport = protocol.response_stream(200, [])
                for _ in range(self.chance.randrange(5)):
                    await transport.send_bytes(b"x" * 50_000)
                    await self.point()

    async def websocket(self) -> None:
        protocol = self.protocol
        await self.point()
        if self.chance.random() < 0.2:
            protocol.close(self.chance.choice([None, 403, 404, 1001]))
            return
        transport = await protocol.accept()
        if self.chance.random() < 0.3:
            while True:
                await transport.send_bytes(b"x" * 10_000)
                await asyncio.sleep(0.01)
        while (message := await transport.receive()).kind:
            await self.point()
            await (transport.send_str if message.kind == 2 else transport.send_bytes)(message.data)
            if self.chance.random() < 0.1:
                protocol.close(self.chance.choice([None, 1000, 4000, 1005]))
        await self.point()
        await transport.send_str("late")


async def chaos(scope: Any, protocol: Any) -> None:
    if scope.path == "/usage":
        protocol.response_str(200, [], json.dumps(usage()))
        return
    connection = Chaos(random.Random(scope.query_string), protocol)
    await (connection.request() if scope.proto == "http" else connection.websocket())


app = from_rsgi(chaos)
