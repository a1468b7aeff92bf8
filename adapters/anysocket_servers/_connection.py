"""A WebSocket connection frame by frame, for what no well-behaved client does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from anysocket_servers._endpoint import TIMEOUT, Endpoint, Stream, open_stream
from anysocket_servers._frames import frame, read_frame
from anysocket_servers._handshake import Answer, Handshake, request, upgrade
from anysocket_servers._http2 import HTTP2Stream, open_http2


class FrameConnection:
    """One connection whose client writes its own frames, or any bytes."""

    def __init__(self, endpoint: Endpoint, stream: Stream) -> None:
        self.stream = stream
        self._endpoint = endpoint

    async def upgrade(self, handshake: Handshake, timeout: float = TIMEOUT) -> Answer:
        """Ask for a WebSocket; ``TimeoutError`` when nothing answers within ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            if isinstance(self.stream, HTTP2Stream):
                return await self.stream.connect(self._endpoint, handshake)
            return await upgrade(self.stream, self._endpoint, handshake)

    def request(self, handshake: Handshake) -> bytes:
        """The bytes of a handshake over HTTP/1.1, to be written whole or in part."""
        return request(self._endpoint, handshake)

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.stream.write(data)

    def send(self, opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True) -> None:
        """Send one frame."""
        self.write(frame(opcode, payload, final=final, masked=masked))

    async def receive(self, timeout: float = TIMEOUT) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame; None when the connection has ended. ``TimeoutError`` when
        nothing came."""
        try:
            return await asyncio.wait_for(read_frame(self.stream.reader), timeout)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def ended(self, timeout: float = TIMEOUT) -> None:
        """Read until the connection has ended; ``TimeoutError`` if it does not."""
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(self.stream.reader.read(), timeout)

    def reset(self) -> None:
        """End the connection with a TCP reset, now."""
        self.stream.reset()


@contextlib.asynccontextmanager
async def open_frames(endpoint: Endpoint) -> AsyncIterator[FrameConnection]:
    """A connection to a server, dropped at the end. Raises as :func:`open_stream`."""
    opening = open_http2(endpoint) if endpoint.http_version == "2" else open_stream(endpoint)
    async with opening as stream:
        yield FrameConnection(endpoint, stream)
