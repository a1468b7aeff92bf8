"""Members that come and go while everybody is broadcast to."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from benchmarks.meter import memory
from benchmarks.rooms_crowd import Board, Member, broadcast, join, join_many, leave, missing, state

MEMBERS, STAY, SECONDS, SIZE = 1000, 100, 60, 64
VISIT = 4.0
"""Seconds that a member stays, at most."""


@dataclass
class Churned:
    """What has come of it."""

    visits: int
    received: int
    gaps: int
    """In what those got who came and went, each while it was there."""
    lost: int
    """Of what those got who stayed."""
    left: tuple[int, int]
    """Connections and rooms that the manager has at the end."""
    memory: tuple[float, float]
    """MiB of the server: before, when as many members had come and gone once, and afterwards."""


async def churn(port: int, pid: int, rate: float) -> Churned:
    """All members but those who stay come, leave, die and come back at random, while there are so many
    broadcasts a second."""
    await leave(port, await join_many(port, Board(), MEMBERS))
    before = memory(pid)
    staying = await join_many(port, Board(), STAY)
    gone: list[Member] = []
    count = int(SECONDS * rate)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(broadcast(port, count, 1 / rate, SIZE, "all"))
        for number in range(MEMBERS - STAY):
            group.create_task(come_and_go(port, gone, work, random.Random(number)))
    lost = await missing(staying, count)
    received = sum(sum(member.board.received.values()) for member in (*gone, *staying))
    gaps = sum(member.gaps for member in gone)
    await leave(port, staying)
    told = await state(port)
    after = memory(pid)
    return Churned(len(gone), received, gaps, lost, (told["connections"], told["rooms"]), (before, after))


async def come_and_go(
    port: int, gone: list[Member], work: asyncio.Task[list[float]], chance: random.Random
) -> None:
    """By a close, by RST or by the end of TCP alone, as long as there are broadcasts."""
    while not work.done():
        member = await join(port, Board())
        await asyncio.sleep(chance.uniform(0, VISIT))
        chance.choice([member.close, member.reset, member.hang_up])()
        await member.ended
        gone.append(member)
