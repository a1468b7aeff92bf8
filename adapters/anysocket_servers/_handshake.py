"""The opening handshake of a client over HTTP/1.1 (RFC 6455 section 4.1)."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field

import h11

from anysocket_servers._endpoint import Endpoint, Stream

RawHeaders = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Handshake:
    """What a client asks for: ``path`` with its query string, further headers, offered subprotocols."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()

    def extra_headers(self) -> RawHeaders:
        """The headers that are not the same in every handshake, as they were given, in latin-1."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers]
        if self.subprotocols:
            headers.append((b"sec-websocket-protocol", ", ".join(self.subprotocols).encode()))
        return headers


@dataclass(frozen=True)
class Answer:
    """The server's answer: 101 (200 over HTTP/2) when it accepts, an HTTP response when it refuses, and
    status 0 when the connection ended without one."""

    status: int
    headers: RawHeaders = field(default_factory=list)
    body: bytes = b""

    @property
    def accepted(self) -> bool:
        return self.status in (101, 200)

    @property
    def subprotocol(self) -> str | None:
        """The one that was agreed on."""
        chosen = [value for name, value in self.headers if name == b"sec-websocket-protocol"]
        return chosen[0].decode() if chosen else None


def request(endpoint: Endpoint, handshake: Handshake) -> bytes:
    """The handshake's bytes over HTTP/1.1, even if ``handshake`` has headers that no client should send."""
    extra = handshake.extra_headers()
    named = any(name.lower() == b"host" for name, _ in extra)
    hosts = [] if named else [(b"host", endpoint.authority.encode())]
    lines = [
        b"GET %b HTTP/1.1" % handshake.path.encode("latin-1"),
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-key: %b" % base64.b64encode(os.urandom(16)),
        b"sec-websocket-version: 13",
        *(b"%b: %b" % pair for pair in [*hosts, *extra]),
    ]
    return b"\r\n".join([*lines, b"", b""])


async def upgrade(stream: Stream, endpoint: Endpoint, handshake: Handshake) -> Answer:
    """Ask for a WebSocket. What follows a 101 is left in ``stream.reader``."""
    stream.write(request(endpoint, handshake))
    return await read_answer(stream)


async def read_answer(stream: Stream) -> Answer:
    """The answer to a handshake that was sent."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("host", "x"), ("upgrade", "websocket")]))
    connection.send(h11.EndOfMessage())
    status, body = 0, b""
    headers: RawHeaders = []
    while True:
        try:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                # The head a byte at a time, so that no frame which follows a 101 is taken with it.
                connection.receive_data(await stream.reader.read(1 << 16 if status >= 200 else 1))
                continue
        except (ConnectionError, h11.RemoteProtocolError):
            return Answer(status, headers, body)
        if isinstance(event, h11.InformationalResponse | h11.Response):
            status, headers = event.status_code, list(event.headers)
            if status == 101:
                return Answer(status, headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            return Answer(status, headers, body)
