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

from benchmarks.load import text_frame

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
STEP = 0.05
SMALL = 4096
"""Bytes that the system may keep for a member that is to stop reading."""


class Board:
    """When each message has reached its last member, and how many it has reached."""

    def __init__(self) -> None:
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self.received: defaultdict[int, int] = defaultdict(int)


class Member(asyncio.Protocol):
    """Expects numbers without gaps, from whichever comes first."""

    def __init__(self, path: str, board: Board) -> None:
        self.path = path
        self.board = board
        self.first: int | None = None
        self.next: int | None = None
        self.gaps = 0
        self.close_code: int | None = None
        self.last = ""
        self.changed = asyncio.Event()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE.format(path=self.path).encode())

    def data_received(self, data: bytes) -> None:
        self._pending += data
        if not self.opened.done():
            head, end, rest = bytes(self._pending).partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._pending = bytearray(rest)
            self.opened.set_result(None)
        while self._take_frame():
            pass

    def _take_frame(self) -> bool:
        pending = self._pending
        if len(pending) < 2:
            return False
        size, begin = pending[1] & 127, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, begin = int.from_bytes(pending[2 : 2 + width], "big"), 2 + width
        if len(pending) < begin + size:
            return False
        self._take(pending[0] & 15, bytes(pending[begin : begin + size]))
        del pending[: begin + size]
        return True

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT and payload[:1].isdigit():
            number, sent, _ = payload.split(b" ", 2)
            self._count(int(number), time.monotonic() - float(sent))
        elif opcode == TEXT:
            self.last = payload.decode()
            self.changed.set()
        elif opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.transport.write(bytes([0x88, 0x80 | len(payload)]) + bytes(4) + payload)
        elif opcode == PING:
            self.transport.write(bytes([0x8A, 0x80 | len(payload)]) + bytes(4) + payload)

    def _count(self, number: int, seconds: float) -> None:
        if self.first is None:
            self.first = self.next = number
        self.gaps += number != self.next
        self.next = number + 1
        self.board.received[number] += 1
        self.board.seconds[number] = max(self.board.seconds[number], seconds)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """As a client that leaves."""
        self.transport.write(b"\x88\x82" + bytes(4) + struct.pack("!H", 1000))

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
    raw = socket.socket()
    if small:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", port))
    _, member = await loop.create_connection(lambda: Member(path, board), sock=raw)
    await member.opened
    return member


async def join_many(port: int, board: Board, count: int, path: str = "/reader") -> list[Member]:
    """So many, some at a time."""
    members: list[Member] = []
    while len(members) < count:
        batch = min(50, count - len(members))
        members += await asyncio.gather(*(join(port, board, path) for _ in range(batch)))
    return members


async def broadcast(port: int, count: int, interval: float, size: int, *rooms: str) -> list[float]:
    """Have these rooms broadcast to, in turn, and wait for the end: the seconds that each broadcast took."""
    path = f"/control?count={count}&interval={interval}&size={size}" + "".join(
        f"&room={room}" for room in rooms
    )
    controller = await join(port, Board(), path)
    controller.transport.write(text_frame(b"go"))
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


def memory(pid: int) -> float:
    """MiB that the processes of this group have in memory, what they share counted once."""
    kilobytes = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[2]) == pid:
                lines = (process / "smaps_rollup").read_text().splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def held(port: int, peer: int) -> bool:
    """Whether a process still has the server's end of the TCP connection from this port. The system may go
    on with one that nobody has, for as long as it sees fit."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, *_, inode = line.split()[:10]
        if (local[-4:], remote[-4:]) == (f"{port:04X}", f"{peer:04X}"):
            return inode != "0"
    return False
