"""A load generator on raw asyncio: frames by hand, so that it is never the limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, CLOSE, PING = 1, 8, 9
AT_ONCE = 50
"""Handshakes on the way at the same time."""
OPEN_TIMEOUT = 30.0
"""Seconds for one of them."""
SMALL = 4096
"""Bytes that the system may keep for a client that is to stop reading."""


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A masked frame (RFC 6455 section 5.2) with the mask 0, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        header = bytes([0x80 | opcode, 0x80 | size])
    elif size < 65536:
        header = bytes([0x80 | opcode, 0xFE]) + size.to_bytes(2, "big")
    else:
        header = bytes([0x80 | opcode, 0xFF]) + size.to_bytes(8, "big")
    return header + bytes(4) + payload


def size_from_server(size: int) -> int:
    """How many bytes an unmasked frame with such a payload has."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)


class Client(asyncio.Protocol):
    """One connection. ``took`` is called for each message, or ``counted`` where only their number matters."""

    def __init__(self, path: str = "/") -> None:
        loop = asyncio.get_running_loop()
        self.path = path
        self.expected = 0
        """Bytes of each frame to come, if all are alike: then they are counted without being looked at."""
        self.close_code: int | None = None
        self.opened: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._pending = bytearray()

    def took(self, payload: bytes) -> None:
        self.counted(1)

    def counted(self, messages: int) -> None: ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(HANDSHAKE.format(path=self.path).encode())

    def data_received(self, data: bytes) -> None:
        expected = self.expected
        if expected and not self._pending and not len(data) % expected and data[0] == 0x80 | TEXT:
            self.counted(len(data) // expected)
            return
        self._pending += data
        if not self.opened.done() and not self._take_head():
            return
        while self._take_frame():
            pass

    def _take_head(self) -> bool:
        head, end, rest = bytes(self._pending).partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(head.decode(errors="replace").splitlines()[0]))
            self.transport.abort()
            return False
        self._pending = bytearray(rest)
        self.opened.set_result(None)
        return True

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
        opcode, payload = pending[0] & 15, bytes(pending[begin : begin + size])
        del pending[: begin + size]
        if opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
            self.transport.write(frame(payload, CLOSE))
        elif opcode == PING:
            self.transport.write(frame(payload, PING + 1))
        elif opcode == TEXT:
            self.took(payload)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed during the handshake"))
        if not self.ended.done():
            self.ended.set_result(None)


AnyClient = TypeVar("AnyClient", bound=asyncio.Protocol)


async def connect(port: int, make: Callable[[], AnyClient], *, small: bool = False) -> AnyClient:
    """A TCP connection with this protocol. ``small``: the system keeps little of what it does not read."""
    raw = socket.socket()
    if small:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", port))
    _, client = await loop.create_connection(make, sock=raw)
    return client


async def open_client(port: int, client: Client, *, small: bool = False) -> Client:
    """Its handshake is done. ``ConnectionError`` if it is refused."""
    async with asyncio.timeout(OPEN_TIMEOUT):
        await connect(port, lambda: client, small=small)
        await client.opened
    return client


Opened = TypeVar("Opened")


async def open_many(count: int, open_one: Callable[[int], Awaitable[Opened]]) -> list[Opened]:
    """So many, some at a time."""
    numbers = iter(range(count))
    opened: list[Opened] = []

    async def some() -> None:
        for number in numbers:
            opened.append(await open_one(number))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, count)):
            group.create_task(some())
    return opened


async def abort_all(clients: Sequence[Client]) -> None:
    """All hang up without a word."""
    for client in clients:
        client.transport.abort()
    if clients:
        await asyncio.wait([client.ended for client in clients])
