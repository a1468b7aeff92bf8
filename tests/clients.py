"""One neutral client for every server: a test says what a peer does and sees, never how.

A ``Peer`` is one WebSocket connection as its remote end sees it. ``SocketPeer`` is a real client over
TCP; the peers of apps in this process are in ``in_process.py``. All waits are bounded, so a server that stays
silent fails the test that noticed instead of stopping the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import websockets.asyncio.client
import websockets.exceptions
import websockets.typing

TIMEOUT = 5.0
"""Seconds that a client waits for anything at most, unless the test says otherwise."""
LEAVE_TIMEOUT = 1.0
"""Seconds that a client which the test is done with waits for the answer to its close frame."""

Pairs = Sequence[tuple[str, str]]
Data = str | bytes


class Closed(Exception):
    """The connection ended: ``code`` and ``reason`` of the server's close frame (1005 when it carried
    no code), or code 1006 when there was none."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Refused(Exception):
    """The handshake was answered with an HTTP response instead of 101."""

    def __init__(self, status: int, headers: Pairs = (), body: bytes = b"") -> None:
        super().__init__(status, body)
        self.status = status
        self.headers = httpx2.Headers(list(headers))
        self.body = body


@dataclass(frozen=True)
class Response:
    """What an HTTP request was answered with; ``headers`` finds names in any case."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Handshake:
    """What a peer asks for: ``path`` with its query string, further headers, offered subprotocols."""

    path: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    origin: str | None = None

    def all_headers(self) -> list[tuple[str, str]]:
        return [*self.headers, *([("origin", self.origin)] if self.origin is not None else [])]


class Peer(ABC):
    """One connection, seen from the client's end. One task receives at a time."""

    subprotocol: str | None = None
    response_headers: httpx2.Headers

    def __init__(self, name: str) -> None:
        self.name = name
        self.history: list[str] = []

    async def send(self, data: Data) -> None:
        """Send ``str`` as one text message, ``bytes`` as one binary message. Raises ``Closed``."""
        self._remember("sent", data)
        await self._send(data)

    async def receive(self, timeout: float = TIMEOUT) -> Data:
        """The next message. Raises ``Closed`` at the end, fails when nothing came in ``timeout`` seconds."""
        try:
            data = await asyncio.wait_for(self._receive(), timeout)
        except TimeoutError:
            raise self._silence(f"a message or the end within {timeout:g} s, nothing came") from None
        except Closed as closed:
            self.history.append(f"closed {closed.code} {closed.reason!r}")
            raise
        self._remember("received", data)
        return data

    async def receive_nothing(self, seconds: float) -> None:
        """Fail if a message or the end comes within ``seconds``."""
        try:
            came: object = await asyncio.wait_for(self._receive(), seconds)
        except TimeoutError:
            return
        except Closed as closed:
            came = closed
        raise self._silence(f"nothing for {seconds:g} s, but there was {came!r:.200}")

    async def receive_closed(self, timeout: float = TIMEOUT) -> Closed:
        """Wait for the end and return it; fail if a message comes first."""
        try:
            data = await self.receive(timeout)
        except Closed as closed:
            return closed
        raise self._silence(f"the end, but there was {data!r:.200}")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame and wait for the answer, which ``receive`` then tells (1006: none)."""
        self.history.append(f"close {code} {reason!r}")
        await self._close(code, reason)

    @abstractmethod
    async def abort(self) -> None:
        """End the connection with a TCP reset and no close frame, or what comes nearest in process."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End the connection with a TCP FIN and no close frame, or what comes nearest in process."""

    @abstractmethod
    async def leave(self) -> None:
        """Be gone, however little the server helps. Never raises."""

    @abstractmethod
    async def _send(self, data: Data) -> None: ...

    @abstractmethod
    async def _receive(self) -> Data: ...

    @abstractmethod
    async def _close(self, code: int, reason: str) -> None: ...

    def _remember(self, event: str, data: Data) -> None:
        self.history.append(f"{event} {data[:80]!r}" + (f" … ({len(data)})" if len(data) > 80 else ""))

    def _silence(self, waited_for: str) -> AssertionError:
        before = "; ".join(self.history[-12:]) or "nothing"
        return AssertionError(f"{self.name}: waited for {waited_for}. Before: {before}")


class SocketPeer(Peer):
    """A real client over TCP. ``raw`` is the ``websockets`` connection for what only a test of frames
    needs (pings, fragments). It stops reading from the socket while nobody receives."""

    def __init__(self, name: str, raw: websockets.asyncio.client.ClientConnection) -> None:
        super().__init__(name)
        self.raw = raw
        assert raw.response is not None
        self.subprotocol = raw.subprotocol
        self.response_headers = httpx2.Headers(list(raw.response.headers.raw_items()))

    async def _send(self, data: Data) -> None:
        try:
            await self.raw.send(data)
        except websockets.exceptions.ConnectionClosed as error:
            raise _closed(error) from None

    async def _receive(self) -> Data:
        try:
            return await self.raw.recv()
        except websockets.exceptions.ConnectionClosed as error:
            raise _closed(error) from None

    async def _close(self, code: int, reason: str) -> None:
        await self.raw.close(code, reason)

    async def abort(self) -> None:
        self.history.append("abort")
        reset_at_close = struct.pack("ii", 1, 0)
        self.raw.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, reset_at_close
        )
        self.raw.transport.abort()

    async def hang_up(self) -> None:
        self.history.append("hang up")
        self.raw.transport.abort()

    async def leave(self) -> None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.raw.close(), LEAVE_TIMEOUT)
        self.raw.transport.abort()


def _closed(error: websockets.exceptions.ConnectionClosed) -> Closed:
    return Closed(error.rcvd.code, error.rcvd.reason) if error.rcvd else Closed(1006)


@contextlib.asynccontextmanager
async def connect_socket(name: str, url: str, handshake: Handshake) -> AsyncIterator[SocketPeer]:
    """Connect over TCP. Raises ``Refused``."""
    try:
        raw = await websockets.asyncio.client.connect(
            url + handshake.path,
            additional_headers=handshake.all_headers(),
            subprotocols=[websockets.typing.Subprotocol(name) for name in handshake.subprotocols] or None,
            compression=None,
            max_size=None,
            open_timeout=TIMEOUT,
            ping_interval=None,
            close_timeout=TIMEOUT,
            proxy=None,
        )
    except websockets.exceptions.InvalidStatus as error:
        answer = error.response
        headers, body = list(answer.headers.raw_items()), bytes(answer.body or b"")
        raise Refused(answer.status_code, headers, body) from None
    peer = SocketPeer(f"{name} {handshake.path}", raw)
    try:
        yield peer
    finally:
        await peer.leave()


async def request_http(
    base: str,
    method: str,
    path: str,
    content: dict[str, Any],
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Response:
    """One HTTP request over TCP, or through ``transport``; ``content`` is httpx2's."""
    async with httpx2.AsyncClient(
        base_url=base, transport=transport, trust_env=False, timeout=2 * TIMEOUT
    ) as client:
        response = await client.request(method, path, **content)
    return Response(response.status_code, response.headers, response.content)
