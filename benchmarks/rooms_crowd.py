"""Members of a room on raw asyncio: they read frames, note what they miss, and can stop reading."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.load import CLOSE, Client, frame, open_client, open_many

STEP = 0.05


class Board:
    """When each message has reached its last member, and how many it has reached."""

    def __init__(self) -> None:
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self.received: defaultdict[int, int] = defaultdict(int)


class Member(Client):
    """Expects numbers without gaps, from whichever comes first."""

    def __init__(self, path: str, board: Board) -> None:
        super().__init__(path)
        self.board = board
        self.first: int | None = None
        self.next: int | None = None
        self.gaps = 0
        self.last = ""
        self.changed = asyncio.Event()

    def took(self, payload: bytes) -> None:
        if payload[:1].isdigit():
            number, sent, _ = payload.split(b" ", 2)
            self._count(int(number), time.monotonic() - float(sent))
        else:
            self.last = payload.decode()
            self.changed.set()

    def _count(self, number: int, seconds: float) -> None:
        if self.first is None:
            self.first = self.next = number
        self.gaps += number != self.next
        self.next = number + 1
        self.board.received[number] += 1
        self.board.seconds[number] = max(self.board.seconds[number], seconds)

    def close(self) -> None:
        """As a client that leaves."""
        self.transport.write(frame(struct.pack("!H", 1000), CLOSE))

    def reset(self) -> None:
        """RST, as of a process that is killed with data unread."""
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def hang_up(self) -> None:
        """Without a word, as of a process that ends."""
        self.transport.abort()

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])


async def join(port: int, board: Board, path: str = "/reader", *, small: bool = False) -> Member:
    """A member whose handshake is done."""
    member = Member(path, board)
    await open_client(port, member, small=small)
    return member


async def join_many(port: int, board: Board, count: int, path: str = "/reader") -> list[Member]:
    """So many, some at a time."""
    return await open_many(count, lambda _: join(port, board, path))


async def broadcast(port: int, count: int, interval: float, size: int, *rooms: str) -> list[float]:
    """Have these rooms broadcast to, in turn, and wait for the end: the seconds that each broadcast took."""
    path = f"/control?count={count}&interval={interval}&size={size}" + "".join(
        f"&room={room}" for room in rooms
    )
    controller = await join(port, Board(), path)
    controller.transport.write(frame(b"go"))
    await controller.changed.wait()
    controller.transport.abort()
    taken: list[float] = json.loads(controller.last)
    return taken


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(STEP)
    return True


async def leave(port: int, members: list[Member]) -> None:
    """Everybody goes, and the server has noticed."""
    for member in members:
        member.transport.abort()

    async def empty() -> bool:
        return bool((await state(port))["connections"] == 0)

    assert await eventually(empty, 20.0)


async def missing(members: list[Member], count: int) -> int:
    """How many of the messages 0 to ``count`` these have not got, or not in order."""

    async def all_here() -> bool:
        return all(member.next == count for member in members)

    await eventually(all_here, 10.0)
    return sum(member.gaps + (count - (member.next or 0)) + (member.first or 0) for member in members)


async def state(port: int) -> dict[str, Any]:
    """What the app says of itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    told: dict[str, Any] = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
    return told


def held(port: int, peer: int) -> bool:
    """Whether a process still has the server's end of the TCP connection from this port. The system may go
    on with one that nobody has, for as long as it sees fit."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, *_, inode = line.split()[:10]
        if (local[-4:], remote[-4:]) == (f"{port:04X}", f"{peer:04X}"):
            return inode != "0"
    return False
