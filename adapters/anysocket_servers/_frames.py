"""WebSocket frames as bytes (RFC 6455 section 5.2), for what no well-behaved client sends."""

from __future__ import annotations

import asyncio
import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> bytes:
    """One frame; ``masked=False`` breaks section 5.1."""
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


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a server's next frame. ``IncompleteReadError`` at the end of the connection."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    return first & 0x0F, await reader.readexactly(length)
