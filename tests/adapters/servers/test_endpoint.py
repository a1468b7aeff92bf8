"""Byte streams to servers."""

from __future__ import annotations

import asyncio
import socket
import struct

from anysocket_servers._endpoint import Endpoint, open_stream


async def test_what_came_before_a_reset_is_read():
    reset = asyncio.Event()

    async def say_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"last words")
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()
        reset.set()

    server = await asyncio.start_server(say_and_reset, "127.0.0.1", 0)
    address = Endpoint(port=server.sockets[0].getsockname()[1])
    async with server, open_stream(address) as stream:
        stream.write(b"x")
        await reset.wait()
        for _ in range(3):  # Until the client's loop has heard of the reset.
            await asyncio.sleep(0.01)
        assert await stream.reader.read(100) == b"last words"
        assert await stream.reader.read(100) == b""


async def test_what_came_before_a_reset_is_read_though_a_send_fails_first() -> None:
    """As by a client too busy to notice the reset before it sends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with open_stream(Endpoint(port=listener.getsockname()[1])) as stream:
            server, _ = listener.accept()
            server.sendall(b"all of it")
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            stream.write(b"more")
            assert await asyncio.wait_for(stream.reader.read(), 5) == b"all of it"
