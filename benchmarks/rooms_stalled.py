"""Fan-outs while some of the members do not read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.meter import memory
from benchmarks.rooms_crowd import (
    Board,
    Member,
    broadcast,
    eventually,
    held,
    join,
    join_many,
    leave,
    missing,
    state,
)

MEMBERS, COUNT, SIZE = 1000, 560, 16384
STALLED = 5
WINDOW = 440
"""So many messages are measured: those that do not read are members for longer."""
CLOSE_TIMEOUT = 10.0
"""Seconds that anysocket gives a peer to take a close."""


@dataclass
class Closed:
    """What has become of those that did not read."""

    count: int
    """How many the manager has counted as slow consumers."""
    at: int
    """The message that was the last one when all of them were."""
    codes: list[int]
    """What they saw when they read again, all but the first one."""
    let_go: float
    """Seconds after that until the server had let go of the one which never read again."""


@dataclass
class Times:
    """Of broadcasts, in seconds."""

    p50: float
    p99: float


Pair = tuple[Times, Times]
"""Of broadcasts to those who read, and of those to all, in turn: what else the machine does is the same for
both."""


@dataclass
class Fanned:
    """What has come of the broadcasts."""

    taken: Pair
    """By ``broadcast_to_room``."""
    arrived: Pair
    """Until the last of those who read had the message."""
    lost: int
    memory: tuple[float, float, float]
    """MiB of the server: before, at most, afterwards."""
    closed: Closed | None


async def fan_out(port: int, pid: int, stalled: int, rate: float) -> Fanned:
    """Broadcast so many times a second, while so many of the members do not read."""
    board = Board()
    reading = await join_many(port, board, MEMBERS - stalled)
    stopped = [await join(port, Board(), "/stalls", small=True) for _ in range(stalled)]
    for member in stopped:
        member.transport.pause_reading()
    before = most = memory(pid)
    work = asyncio.create_task(broadcast(port, COUNT, 1 / rate, SIZE, "readers", "all"))
    watch = asyncio.create_task(see_closed(port, stopped, COUNT / rate)) if stopped else None
    while not work.done():
        most = max(most, memory(pid))
        await asyncio.wait({work}, timeout=0.5)
    lost = await missing(reading, COUNT)
    closed = await watch if watch is not None else None
    await leave(port, [*reading, *stopped])
    arrived = [board.seconds[number] for number in range(WINDOW)]
    figures = pair(await work), pair(arrived)
    return Fanned(*figures, lost, (before, most, memory(pid)), closed)


def pair(seconds: list[float]) -> Pair:
    readers, everybody = (sorted(seconds[first:WINDOW:2]) for first in (0, 1))
    return times(readers), times(everybody)


def times(seconds: list[float]) -> Times:
    return Times(seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100])


async def see_closed(port: int, stopped: list[Member], seconds: float) -> Closed:
    """Wait until the server has closed them all; then let them read again, but one."""
    earlier = (await state(port))["slow_consumers"]
    told = {}

    async def all_closed() -> bool:
        told.update(await state(port))
        return bool(told["slow_consumers"] - earlier >= len(stopped))

    await eventually(all_closed, seconds + CLOSE_TIMEOUT)
    begin = time.monotonic()
    for member in stopped[1:]:
        member.transport.resume_reading()
    await asyncio.wait([member.ended for member in stopped[1:]], timeout=CLOSE_TIMEOUT)

    async def let_go() -> bool:
        return not held(port, stopped[0].port)

    in_time = await eventually(let_go, 2 * CLOSE_TIMEOUT)
    until_then = time.monotonic() - begin if in_time else float("inf")
    codes = [member.close_code or 1006 for member in stopped[1:]]
    return Closed(told["slow_consumers"] - earlier, told["sent"], codes, until_then)
