"""A thousand requests and a thousand WebSockets that fail at random points, the app's or the client's: no
task, no file descriptor and no memory is left, and the server still answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from anysocket import ConnectionClosed
from anysocket.testing import Refused

APPS = Path(__file__).parent / "apps"
SEED = 6455
COUNT = 1000
AT_ONCE = 20


async def request(running: Any, seed: str) -> None:
    """Whatever a client may do, but for sending what is no HTTP."""
    chance = random.Random(seed)
    body = b"x" * chance.choice([0, 1, 200_000])
    length = len(body) + chance.choice([0, 0, 5])  # The last ones never come.
    head = f"POST /?{seed} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    with contextlib.suppress(OSError):
        writer.write(head.encode())
        for start in range(0, len(body), 50_000):
            writer.write(body[start : start + 50_000])
            await writer.drain()
            if chance.random() < 0.1:
                break
        for _ in range(chance.randrange(6)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read(5000)
    writer.transport.abort()


async def session(running: Any, seed: str) -> None:
    chance = random.Random(seed)
    with contextlib.suppress(Refused, ConnectionClosed, AssertionError, BrokenPipeError):
        async with running.connect(f"/?{seed}", timeout=0.05) as peer:
            for number in range(chance.randrange(5)):
                await peer.send(chance.choice([str(number), b"x" * 100_000]))
                if chance.random() < 0.5:
                    await peer.receive()
            match chance.randrange(4):
                case 0:
                    await peer.abort()
                case 1:
                    await peer.hang_up()
                case 2:
                    await peer.close(4000)


async def play(running: Any, what: Callable[[Any, str], Awaitable[None]], name: str, count: int) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            await what(running, f"{SEED}-{name}-{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))


async def at_rest(running: Any, idle: dict[str, int]) -> dict[str, int]:
    """The server's usage, once no more tasks and descriptors than these are left of what was played.
    Hypercorn keeps the descriptors of connections that have ended for some seconds."""
    async with asyncio.timeout(30):
        while True:
            seen = await usage(running)
            if seen["tasks"] <= idle["tasks"] and seen["descriptors"] <= idle["descriptors"] + 1:
                return seen
            await asyncio.sleep(0.2)


async def usage(running: Any) -> dict[str, int]:
    response = await running.request("GET", "/usage", headers=[("connection", "close")])
    return dict(response.json())


@pytest.mark.slow
@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_nothing_is_left(start_server: Any) -> None:
    running = start_server("chaos_rsgi:app", APPS)
    idle = await usage(running)
    # What is made once: caches, threads, the allocator's own memory.
    await play(running, request, "warm", 300)
    await play(running, session, "warm", 300)
    before = await at_rest(running, idle)
    await play(running, request, "request", COUNT)
    await play(running, session, "session", COUNT)
    after = await at_rest(running, idle)
    growth = {what: after[what] - before[what] for what in before}
    print(f"growth in {COUNT} requests and {COUNT} sessions: {growth}")  # noqa: T201
    assert growth["tasks"] <= 0 and growth["descriptors"] <= 1
    # Of anything that each of them left there would be a thousand.
    assert growth["objects"] < COUNT / 2 and growth["blocks"] < COUNT
    assert growth["bytes"] < 16 << 20  # The allocator's own; of bodies and messages it would be hundreds.
    assert running.alive() and await usage(running)
