"""The client side of an in-memory connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from anysocket._close import check_close
from anysocket._errors import ConnectionClosed
from anysocket._message import Message
from anysocket.testing._wire import Channel

Result = TypeVar("Result")

LOST = Message("close", "", 1006)
"""On a channel: the connection ended here with no close frame."""


class Refused(ConnectionError):
    """The app refused the upgrade with an HTTP response."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        super().__init__(f"the upgrade was refused with HTTP status {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Peer:
    """A client that talks to the app without a socket.

    Every call that waits is bounded by ``timeout`` seconds and fails with an ``AssertionError`` that says
    what was expected and what came instead.
    """

    def __init__(self, to_app: Channel[Message], to_peer: Channel[Message], timeout: float) -> None:
        self._to_app = to_app
        self._to_peer = to_peer
        self._closed: ConnectionClosed | None = None
        self.timeout = timeout
        self.subprotocol: str | None = None
        self.response_headers: list[tuple[bytes, bytes]] = []

    # -- sending --

    async def send_text(self, data: str) -> None:
        """Send a text message; waits while the app reads too slowly. ``ConnectionClosed`` after the end."""
        await self._send(Message("text", data))

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message; as :meth:`send_text`."""
        await self._send(Message("bytes", data))

    async def send_json(self, data: object) -> None:
        """Send a text message of JSON."""
        await self.send_text(json.dumps(data))

    async def _send(self, message: Message) -> None:
        try:
            await self._bounded(self._to_app.put(message), f"the app to take {message!r:.80}", self.timeout)
        except BrokenPipeError:
            raise self._closed or ConnectionClosed(1006, "", "lost") from None

    # -- receiving --

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message of any type; a close comes once, then ``ConnectionClosed``."""
        return await self._receive("a message", timeout)

    async def receive_text(self, timeout: float | None = None) -> str:
        """The next message, which must be text."""
        message = await self._receive("a text message", timeout)
        assert message.type == "text", f"expected a text message, {_describe(message)} came"
        assert isinstance(message.data, str)
        return message.data

    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """The next message, which must be binary."""
        message = await self._receive("a binary message", timeout)
        assert message.type == "bytes", f"expected a binary message, {_describe(message)} came"
        assert isinstance(message.data, bytes)
        return message.data

    async def receive_json(self, timeout: float | None = None) -> Any:
        """The next message, which must be text of JSON."""
        text = await self.receive_text(timeout)
        try:
            return json.loads(text)
        except ValueError as error:
            raise AssertionError(f"expected JSON, {text!r:.200} came: {error}") from None

    async def receive_close(self, timeout: float | None = None) -> Message:
        """The close frame of the app, which must be next: its ``code`` and ``reason``."""
        message = await self._receive("a close", timeout)
        assert message.type == "close", f"expected a close, {_describe(message)} came"
        return message

    async def receive_nothing(self, seconds: float = 0.1) -> None:
        """Fail if anything comes within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                message = await self._to_peer.get()
        except TimeoutError:
            return
        raise AssertionError(f"expected nothing, {_describe(message)} came")

    async def _receive(self, expected: str, timeout: float | None) -> Message:
        if self._closed is not None:
            raise ConnectionClosed(self._closed.code, self._closed.reason, self._closed.by)
        message = await self._bounded(self._to_peer.get(), expected, timeout or self.timeout)
        if message is LOST:
            self._closed = ConnectionClosed(1006, "", "lost")
            raise self._closed
        if message.type == "close":
            self._closed = ConnectionClosed(message.code or 1005, message.reason, "peer")
            self._to_app.end(message)  # RFC 6455 section 5.5.1: a close is answered by a close.
        return message

    # -- the end --

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame. Closing again does nothing."""
        check_close(code, reason)
        self._leave(Message("close", reason, code, reason), ConnectionClosed(code, reason, "us"))

    async def abort(self) -> None:
        """Vanish without a close frame, as a client whose connection is reset."""
        self._leave(LOST, ConnectionClosed(1006, "", "us"))

    def _leave(self, last: Message, closed: ConnectionClosed) -> None:
        if self._closed is None:
            self._closed = closed
        self._to_app.end(last)
        self._to_peer.end(LOST)

    async def _bounded(self, call: Coroutine[Any, Any, Result], expected: str, timeout: float) -> Result:
        try:
            async with asyncio.timeout(timeout):
                return await call
        except TimeoutError:
            raise AssertionError(f"expected {expected} within {timeout:g} s, nothing came") from None


def _describe(message: Message) -> str:
    if message is LOST:
        return "the loss of the connection"
    if message.type == "close":
        return f"a close with code {message.code} {message.reason!r}"
    return f"{message.type} {message.data!r:.200}"
