"""A client that writes its own bytes, for what no well-behaved client library does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Sequence

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
TIMEOUT = 5.0


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> bytes:
    """One frame (RFC 6455 section 5.2)."""
    head = header(opcode, len(payload), final=final, masked=masked)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def header(opcode: int, length: int, *, final: bool = True, masked: bool = True) -> bytes:
    """A frame's first bytes, up to its mask, for a payload of ``length`` bytes."""
    first, flag = opcode | (0x80 if final else 0), 0x80 if masked else 0
    if length < 126:
        return struct.pack("!BB", first, flag | length)
    if length < 1 << 16:
        return struct.pack("!BBH", first, flag | 126, length)
    return struct.pack("!BBQ", first, flag | 127, length)


def handshake(path: str, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """The request for an upgrade; ``headers`` go out as they are, in latin-1."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class RawClient:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.response = b""
        """The head of the answer to ``upgrade``."""

    async def upgrade(self, path: str, headers: Sequence[tuple[str, str]] = ()) -> int:
        """Ask for a WebSocket and return the status of the answer; 0 if the connection ended instead."""
        self.write(handshake(path, headers))
        try:
            self.response = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
        return int(self.response.split()[1])

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> None:
        """Send one frame; ``masked=False`` breaks RFC 6455 section 5.1."""
        self.write(frame(opcode, payload, final=final, masked=masked))

    async def receive(self, timeout: float = TIMEOUT) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame; None when the TCP connection has ended."""
        try:
            return await asyncio.wait_for(self._read_frame(), timeout)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read_frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    async def ended(self, timeout: float = TIMEOUT) -> None:
        """Read until the TCP connection has ended; ``TimeoutError`` if it does not."""
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), timeout)

    def reset(self) -> None:
        """End the connection with a TCP reset, now."""
        sock = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):  # the server was faster
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


@contextlib.asynccontextmanager
async def open_raw(port: int) -> AsyncIterator[RawClient]:
    """A TCP connection to a server, dropped at the end."""
    opening = asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    reader, writer = await asyncio.wait_for(opening, TIMEOUT)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.transport.abort()
