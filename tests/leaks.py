"""What is left on a server by requests and WebSockets that fail at random points."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

from anysocket import ConnectionClosed
from anysocket.testing import Refused

SEED = 6455
COUNT = 500
AT_ONCE = 20
LINGER = struct.pack("ii", 1, 0)

Usage = dict[str, int]


async def request(running: Any, seed: str) -> None:
    """Whatever a client may do, but for sending what is no HTTP. The connection is for this one only:
    servers keep those that are kept alive for some seconds."""
    chance = random.Random(seed + "request")
    body = b"x" * chance.choice([0, 1, 100_000])
    length = len(body) + chance.choice([0, 0, 5])  # The last ones never come.
    head = f"POST /?{seed} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    with contextlib.suppress(OSError):
        writer.write(head.encode())
        for start in range(0, len(body), 30_000):
            writer.write(body[start : start + 30_000])
            await writer.drain()
            if chance.random() < 0.1:
                break
        for _ in range(chance.randrange(6)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await reader.read(5000)
        if chance.random() < 0.3:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    writer.transport.abort()


async def session(running: Any, seed: str) -> None:
    """A WebSocket whose client ends it in one way or another."""
    chance = random.Random(seed + "session")
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


async def play(running: Any, what: Callable[[Any, str], Awaitable[None]], name: str) -> None:
    """``COUNT`` of them, some at once."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            await what(running, f"{SEED}-{name}-{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(COUNT):
            group.create_task(one(number))


async def usage(running: Any) -> Usage:
    """What the app says that the server's process uses."""
    response = await running.request("GET", "/usage", headers=[("connection", "close")])
    return dict(response.json())


async def at_rest(running: Any, idle: Usage) -> Usage:
    """The usage once no task and no descriptor is left of what was played, and no more objects are given up:
    servers keep those of connections that have ended for a while."""
    async with asyncio.timeout(60):
        seen = await usage(running)
        while True:
            await asyncio.sleep(0.1)
            before, seen = seen, await usage(running)
            ended = all(seen[what] <= idle[what] for what in ("tasks", "descriptors"))
            if ended and seen["objects"] >= before["objects"]:
                return seen


async def check_nothing_is_left(running: Any) -> None:
    """No task, no descriptor and no memory is left of what is played after a warm-up, and the server still
    answers.

    What is left of each connection adds to every round. What is made once, such as a cache or the module that
    a rare failure imports, adds to one: so what leaks is the least that a round adds.
    """
    idle = await usage(running)
    idle["descriptors"] += 1  # Granian opens one more when it is first used.
    seen = []
    for name in ("warm-up", "first", "second", "third"):
        await play(running, request, name)
        await play(running, session, name)
        seen.append(await at_rest(running, idle))
    growth = {what: min(after[what] - before[what] for before, after in pairwise(seen)) for what in idle}
    print(f"each {COUNT} requests and {COUNT} sessions add {growth}, at least; after each of them: {seen}")  # noqa: T201
    # Of an object, or a block of Python's memory, that each of them left there would be two times COUNT.
    assert growth["objects"] < COUNT / 2 and growth["blocks"] < COUNT / 2
    assert growth["bytes"] < 2 << 20  # The allocator's own; of bodies and messages it would be hundreds.
    assert running.alive() and await usage(running)
