"""A load generator on raw asyncio: frames by hand, so that it is never the limit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def text_frame(payload: bytes) -> bytes:
    """A masked text frame (RFC 6455 section 5.2) with the mask 0, which leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        header = bytes([0x81, 0x80 | size])
    elif size < 65536:
        header = bytes([0x81, 0xFE]) + size.to_bytes(2, "big")
    else:
        header = bytes([0x81, 0xFF]) + size.to_bytes(8, "big")
    return header + bytes(4) + payload


def echoed_size(size: int) -> int:
    """How many bytes the server's unmasked frame has."""
    return size + (2 if size < 126 else 4 if size < 65536 else 10)


class EchoClient(asyncio.Protocol):
    """Keeps ``depth`` messages on the way and counts what comes back."""

    def __init__(self, size: int, depth: int) -> None:
        self.frame = text_frame(b"x" * size)
        self.expected = echoed_size(size)
        self.depth = depth
        self.pending = 0
        self.received = 0
        self.opened = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE)

    def start(self) -> None:
        assert self.transport is not None
        self.transport.write(self.frame * self.depth)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            if b"\r\n\r\n" not in data:
                return
            self.opened.set_result(None)
            return
        self.pending += len(data)
        whole, self.pending = divmod(self.pending, self.expected)
        if whole:
            self.received += whole
            assert self.transport is not None
            self.transport.write(self.frame * whole)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("refused"))


@dataclass(frozen=True)
class Load:
    """What one run measured."""

    messages: int
    seconds: float
    client_cpu: float


async def run_echo(
    port: int, connections: int, size: int, depth: int, seconds: float, on_start: object
) -> Load:
    """Open the connections, call ``on_start``, echo for ``seconds``."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: EchoClient(size, depth), "127.0.0.1", port)
        await client.opened
        clients.append(client)
    assert callable(on_start)
    on_start()
    cpu, start = time.process_time(), time.monotonic()
    for client in clients:
        client.start()
    await asyncio.sleep(seconds)
    load = Load(sum(c.received for c in clients), time.monotonic() - start, time.process_time() - cpu)
    for client in clients:
        assert client.transport is not None
        client.transport.abort()
    return load


class RequestClient(asyncio.Protocol):
    """Sends a request when the response to the last one is here, whose body is JSON."""

    def __init__(self, path: str) -> None:
        self.request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()
        self.pending = b""
        self.received = 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def start(self) -> None:
        assert self.transport is not None
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.pending += data
        if self.pending.endswith(b"}"):
            assert self.pending.startswith(b"HTTP/1.1 200"), self.pending
            self.pending = b""
            self.received += 1
            self.start()


async def run_requests(port: int, connections: int, path: str, seconds: float, on_start: object) -> Load:
    """Open the connections, call ``on_start``, send requests for ``seconds``."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: RequestClient(path), "127.0.0.1", port)
        clients.append(client)
    assert callable(on_start)
    on_start()
    cpu, start = time.process_time(), time.monotonic()
    for client in clients:
        client.start()
    await asyncio.sleep(seconds)
    load = Load(sum(c.received for c in clients), time.monotonic() - start, time.process_time() - cpu)
    for client in clients:
        assert client.transport is not None
        client.transport.abort()
    return load


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children so far, all threads, exact to the nanosecond."""
    nanoseconds = 0
    for candidate in [pid, *children(pid)]:
        for schedstat in Path(f"/proc/{candidate}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # A thread that has ended.
                nanoseconds += int(schedstat.read_text().split()[0])
    return nanoseconds / 1e9


def children(pid: int) -> list[int]:
    """Every descendant of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listing:
            direct = [int(child) for child in listing.read().split()]
    except FileNotFoundError:
        return []
    return direct + [grandchild for child in direct for grandchild in children(child)]
