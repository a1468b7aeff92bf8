"""Where a server listens, and byte streams to it: TCP, TLS, a unix socket, a stream of HTTP/2."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

TIMEOUT = 10.0
"""Seconds that a client waits for anything at most, unless its caller says otherwise."""
BUFFER_BYTES = 1 << 16
"""How much is read from the system ahead of whoever reads the stream; twice that, at times."""


@dataclass(frozen=True)
class Endpoint:
    """The address of a server. ``trust`` makes it TLS, ``unix_path`` a unix socket; ``http_version`` is what
    a client speaks (RFC 6455 on 1.1, RFC 8441 on 2)."""

    host: str = "127.0.0.1"
    port: int = 80
    unix_path: str | None = None
    trust: ssl.SSLContext | None = field(default=None, compare=False)
    http_version: str = "1.1"

    @property
    def authority(self) -> str:
        """Host and port as a URL and a Host header have them."""
        if self.unix_path is not None:
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.trust else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address of HTTP requests, without a path: the origin of this server's own pages."""
        return f"{'https' if self.trust else 'http'}://{self.authority}"

    @property
    def websocket_url(self) -> str:
        """The address of WebSockets, without a path."""
        return f"{'wss' if self.trust else 'ws'}://{self.authority}"


class Stream:
    """A connection's bytes. ``reader`` gives what comes, also after the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Queue bytes to be sent. Dropped once the connection is over."""
        if not self._writer.is_closing():
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until most of what was written is with the system. ``BrokenPipeError`` or another
        ``ConnectionError`` after the end."""
        if self._writer.is_closing():
            raise BrokenPipeError("the connection is over")
        await self._writer.drain()

    def hang_up(self) -> None:
        """End the connection with a TCP FIN, without a word of the protocols above it."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        sock = self._writer.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # The server was faster.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


class _Reader(asyncio.StreamReader):
    """One that gives all that came before a reset, then the end, as it does before a FIN."""

    def set_exception(self, exc: BaseException) -> None:
        self.feed_eof()


class _Protocol(asyncio.StreamReaderProtocol):
    """One that also gives what had come before a send failed: asyncio reads no further then. The bytes of TLS
    mean nothing here."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._into = reader
        self._system: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if transport.get_extra_info("ssl_object") is None:
            self._system = transport.get_extra_info("socket")

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionError) and self._system is not None:
            with contextlib.suppress(OSError):
                while data := os.read(self._system.fileno(), BUFFER_BYTES):
                    self._into.feed_data(data)
        super().connection_lost(exc)


@contextlib.asynccontextmanager
async def open_stream(endpoint: Endpoint) -> AsyncIterator[Stream]:
    """A connection to ``endpoint``, dropped at the end if it has not ended before.

    Raises ``OSError`` where nobody listens, ``TimeoutError`` after 10 s.
    """
    tls = endpoint.trust
    if tls is not None:
        tls.set_alpn_protocols(["h2"] if endpoint.http_version == "2" else ["http/1.1"])
    loop = asyncio.get_running_loop()
    reader = _Reader(limit=BUFFER_BYTES)
    protocol = _Protocol(reader)
    async with asyncio.timeout(TIMEOUT):
        if endpoint.unix_path is not None:
            transport, _ = await loop.create_unix_connection(lambda: protocol, endpoint.unix_path)
        else:
            name = endpoint.host if tls is not None else None
            transport, _ = await loop.create_connection(
                lambda: protocol, endpoint.host, endpoint.port, ssl=tls, server_hostname=name
            )
    stream = Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
    try:
        yield stream
    finally:
        stream.hang_up()
