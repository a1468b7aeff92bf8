"""Members that are reset in the middle of a broadcast (contract 4.2 and 6.3)."""

from __future__ import annotations

import asyncio
import random
import time

from anysocket import ConnectionClosed

MEMBERS, VISITS = 20, 10
SEED = 6455
SOON = 15.0
"""Seconds until a server has let go of the last one: a close is waited for ten seconds."""


async def visit(running, chance: random.Random) -> None:
    async with running.connect("/room") as peer:
        for _ in range(chance.randrange(3)):
            try:
                await peer.send("now")
                await asyncio.wait_for(peer.receive(), chance.random() / 50)
            except (TimeoutError, ConnectionClosed):
                break
        await peer.abort()


async def test_nothing_of_them_stays_in_memory(serve):
    """A server's objects may hold ours where no garbage collector sees it, one connection after the other."""
    running = serve("reset_room_app:app")

    async def member(number: int) -> None:
        chance = random.Random(SEED + number)
        for _ in range(VISITS):
            await visit(running, chance)

    async with asyncio.TaskGroup() as members:
        for number in range(MEMBERS):
            members.create_task(member(number))
    deadline = time.monotonic() + SOON
    async with running.connect("/left") as peer:
        while True:
            await peer.send("?")
            visits, left = await peer.receive_json()
            if not left or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
    assert visits == MEMBERS * VISITS
    assert left == 0
