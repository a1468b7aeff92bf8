"""An ASGI app that fails at a random point of each request and WebSocket: the query is its seed."""

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

from anysocket_rsgi import from_asgi

# Thousands of tracebacks of failures that are wanted: formatted, and not kept.
logging.basicConfig(stream=open(os.devnull, "w"))  # noqa: SIM115


class Wanted(Exception):
    """A failure."""


def usage() -> dict[str, int]:
    """What a leak would add to."""
    linecache.clearcache()  # The source lines that the log's tracebacks show.
    gc.collect()
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks(),
        "bytes": resident,
    }


class Chaos:
    """One connection."""

    def __init__(self, chance: random.Random, receive: Any, send: Any) -> None:
        self.chance = chance
        self.receive = receive
        self.send = send

    async def point(self) -> None:
        """Go on, or not."""
        match self.chance.randrange(12):
            case 0:
                raise Wanted("raised")
            case 1:
                raise asyncio.CancelledError
            case 2:
                raise SystemExit("exit")
            case 3:
                asyncio.create_task(self.outlive())  # noqa: RUF006 - as careless apps do
                raise Wanted("left a task")
            case 4:
                async with asyncio.timeout(0.001):
                    await self.receive()
            case 5:
                await self.send({"type": "nonsense"})
            case 6:
                asyncio.create_task(self.outlive())  # noqa: RUF006

    async def outlive(self) -> None:
        """A task that goes on until it is told of the end."""
        while not (await self.receive())["type"].endswith(".disconnect"):
            pass
        await self.send({"type": "websocket.send", "text": "late"})

    async def request(self) -> None:
        await self.point()
        more_body = self.chance.random() < 0.7
        while more_body:
            more_body = (await self.receive()).get("more_body", False)
            await self.point()
        await self.send({"type": "http.response.start", "status": 200})
        await self.point()
        for _ in range(self.chance.randrange(4)):
            await self.send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            await self.point()
        if self.chance.random() < 0.2:
            while (await self.receive())["type"] != "http.disconnect":
                pass
        if self.chance.random() < 0.2:
            await self.send({"type": "http.response.pathsend", "path": __file__})
        await self.send({"type": "http.response.body", "body": b"end"})
        await self.point()

    async def websocket(self) -> None:
        await self.receive()
        await self.point()
        if self.chance.random() < 0.2:
            status = self.chance.choice([0, 302, 403, 999, 1008])
            await self.send({"type": "websocket.http.response.start", "status": status})
            await self.point()
            await self.send({"type": "websocket.http.response.body"})
        await self.send({"type": "websocket.accept"})
        await self.point()
        while (message := await self.receive())["type"] == "websocket.receive":
            await self.point()
            await self.send({**message, "type": "websocket.send"})
            if self.chance.random() < 0.1:
                await self.send({"type": "websocket.close", "code": self.chance.choice([1000, 1005, 4000])})
        await self.point()
        await self.send({"type": "websocket.send", "text": "late"})


async def chaos(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise Wanted("no lifespan")
    if scope["path"] == "/usage":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": json.dumps(usage()).encode()})
        return
    connection = Chaos(random.Random(scope["query_string"]), receive, send)
    await (connection.request() if scope["type"] == "http" else connection.websocket())


app = from_asgi(chaos)
