"""The client side of a connection, the same in memory and over sockets."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from anysocket._close import check_close
from anysocket._errors import ConnectionClosed
from anysocket._message import Message
from anysocket._scope import Headers

Result = TypeVar("Result")

LOST = Message("close", "", 1006)
"""In place of a message: the connection ended here with no close frame."""


class Refused(ConnectionError):
    """The app refused the upgrade with an HTTP response."""

    def __init__(self, status: int, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"") -> None:
        super().__init__(f"the upgrade was refused with HTTP status {status}")
        self.status = status
        self.headers = Headers(headers)
        self.body = body


class Peer(ABC):
    """One connection, seen from the client's end.

    Every call that waits is bounded by ``timeout`` seconds and fails with an ``AssertionError`` that says
    what was expected and what came instead. One task at a time may receive.
    """

    def __init__(self, timeout: float) -> None:
        self._closed: ConnectionClosed | None = None
        self._ended: ConnectionClosed | None = None
        self.timeout = timeout
        self.subprotocol: str | None = None
        self.response_headers = Headers()

    # -- sending --

    async def send(self, data: str | bytes) -> None:
        """Send ``str`` as a text message, ``bytes`` as a binary one; as :meth:`send_text`."""
        await (self.send_text(data) if isinstance(data, str) else self.send_bytes(data))

    async def send_text(self, data: str) -> None:
        """Send a text message; waits while the app reads too slowly. ``ConnectionClosed`` after the end."""
        await self._send_bounded(Message("text", data))

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message; as :meth:`send_text`."""
        await self._send_bounded(Message("bytes", data))

    async def send_json(self, data: object) -> None:
        """Send a text message of JSON."""
        await self.send_text(json.dumps(data))

    async def _send_bounded(self, message: Message) -> None:
        if self._closed is not None:
            raise self._closed.again()
        try:
            await self._bounded(self._send(message), f"the app to take {message!r:.80}", self.timeout)
        except BrokenPipeError:
            raise (self._ended or ConnectionClosed(1006, "", "lost")).again() from None

    # -- receiving --

    async def receive(self, timeout: float | None = None) -> Message:
        """The next message of any type; a close comes once, then ``ConnectionClosed``. After a close of
        one's own too: what was on its way, the app's close, then ``ConnectionClosed``."""
        return await self._receive_bounded("a message", timeout)

    async def receive_text(self, timeout: float | None = None) -> str:
        """The next message, which must be text."""
        message = await self._receive_bounded("a text message", timeout)
        assert message.type == "text", f"expected a text message, {describe(message)} came"
        assert isinstance(message.data, str)
        return message.data

    async def receive_bytes(self, timeout: float | None = None) -> bytes:
        """The next message, which must be binary."""
        message = await self._receive_bounded("a binary message", timeout)
        assert message.type == "bytes", f"expected a binary message, {describe(message)} came"
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
        message = await self._receive_bounded("a close", timeout)
        assert message.type == "close", f"expected a close, {describe(message)} came"
        return message

    async def receive_nothing(self, seconds: float = 0.1) -> None:
        """Fail if anything comes within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                message = await self._receive()
        except TimeoutError:
            return
        raise AssertionError(f"expected nothing, {describe(message)} came")

    async def _receive_bounded(self, expected: str, timeout: float | None) -> Message:
        if self._ended is not None:
            raise self._ended.again()
        message = await self._bounded(self._receive(), expected, timeout or self.timeout)
        if message is LOST:
            self._ended = ConnectionClosed(1006, "", "lost")
            raise self._ended.again()
        if message.type == "close":
            # RFC 6455 section 5.5.1: a close is answered by a close.
            self._ended = self._closed or ConnectionClosed(message.code or 1005, message.reason, "peer")
            self._answer_close(message)
        return message

    # -- the end --

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send a close frame, without waiting for the answer, which ``receive`` tells. Closing again does
        nothing."""
        check_close(code, reason)
        if self._closed is None and self._ended is None:
            self._closed = ConnectionClosed(code, reason, "us")
            await self._send_close(Message("close", reason, code, reason))

    async def abort(self) -> None:
        """Vanish without a close frame, as a client whose connection is reset (TCP RST)."""
        self._vanish()
        await self._abort()

    async def hang_up(self) -> None:
        """Vanish without a close frame, as a client whose process has ended (TCP FIN)."""
        self._vanish()
        await self._hang_up()

    def _vanish(self) -> None:
        self._closed = self._closed or ConnectionClosed(1006, "", "us")
        self._ended = self._ended or self._closed

    # -- what a kind of connection implements --

    @abstractmethod
    async def _send(self, message: Message) -> None:
        """Send text or bytes; ``BrokenPipeError`` when the connection is over."""

    @abstractmethod
    async def _receive(self) -> Message:
        """What comes next; a close of the app is a ``close`` message, an end without one is ``LOST``."""

    @abstractmethod
    async def _send_close(self, message: Message) -> None:
        """Send a close frame. Never raises when the connection is over."""

    @abstractmethod
    def _answer_close(self, message: Message) -> None:
        """The app's close was received: see to it that it is answered."""

    @abstractmethod
    async def _abort(self) -> None: ...

    @abstractmethod
    async def _hang_up(self) -> None: ...

    async def _bounded(self, call: Coroutine[Any, Any, Result], expected: str, timeout: float) -> Result:
        try:
            async with asyncio.timeout(timeout):
                return await call
        except TimeoutError:
            raise AssertionError(f"expected {expected} within {timeout:g} s, nothing came") from None


def describe(message: Message) -> str:
    """A message in words, for people."""
    if message is LOST:
        return "the loss of the connection"
    if message.type == "close":
        return f"a close with code {message.code} {message.reason!r}"
    return f"{message.type} {message.data!r:.200}"
