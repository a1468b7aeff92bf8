"""A server that plays a script on a connection, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from anysocket_servers import Endpoint, Handshake, SocketPeer, connect_socket, frame

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
SOON = 0.2


@contextlib.asynccontextmanager
async def listening(script: Script) -> AsyncIterator[Endpoint]:
    """Where ``script`` answers. What it raises is raised at the end."""
    errors: list[Exception] = []
    ended = asyncio.Event()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except Exception as error:
            errors.append(error)
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(play, "127.0.0.1", 0)
    async with server:
        yield Endpoint(port=server.sockets[0].getsockname()[1])
        await asyncio.wait_for(ended.wait(), 5)
    if errors:
        raise errors[0]


@contextlib.asynccontextmanager
async def connected(script: Script, timeout: float = 5.0) -> AsyncIterator[SocketPeer]:
    """A peer of a server that accepts, and then plays ``script``."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        await script(reader, writer)

    async with listening(accept) as endpoint, connect_socket(endpoint, Handshake("/"), timeout) as peer:
        yield peer


def say(*frames: bytes) -> Script:
    """Send these bytes and read to the end of TCP."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(frames))
        await reader.read()

    return script


def unmasked(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A frame as servers send it."""
    return frame(opcode, payload, final=final, masked=False)


async def read_masked(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a client's next frame, a short one."""
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks"
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
