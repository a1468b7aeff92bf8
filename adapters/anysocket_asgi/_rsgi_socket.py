"""RSGI's transport object of an accepted WebSocket, over ASGI, and its messages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from anysocket import ConnectionClosed
from anysocket._watch import current_watch
from anysocket_asgi._transport import ASGITransport, Receive, Send
from anysocket_rsgi._errors import ProtocolClosed, ProtocolError

FAILURES = ASGITransport.failures
BYTES = (bytes, bytearray, memoryview)
READ_AHEAD_BYTES = 1 << 20
"""How much is taken from the server for an app that does not receive, to learn whether the peer is there."""


class CloseMessage:
    """The peer has closed. RSGI tells neither code nor reason, and there is no ``data``."""

    __slots__ = ()
    kind = 0


class BytesMessage:
    """``data`` is bytes."""

    __slots__ = ("data",)
    kind = 1

    def __init__(self, data: bytes) -> None:
        self.data = data


class TextMessage:
    """``data`` is a str."""

    __slots__ = ("data",)
    kind = 2

    def __init__(self, data: str) -> None:
        self.data = data


class WebSocketTransport:
    """What ``accept()`` gives to the app.

    ASGI servers tell of the peer's end by ``receive`` only, RSGI by sends as well: for an app that does not
    receive the watch looks ahead, and keeps what it finds.
    """

    __slots__ = (
        "_ahead",
        "_ahead_bytes",
        "_decode",
        "_events",
        "_over",
        "_read_over",
        "_reading",
        "_receive",
        "_send",
    )

    def __init__(self, receive: Receive, send: Send, decode: Callable[[Any], object]) -> None:
        """``decode`` raises ``ConnectionClosed`` for an event that tells of a loss."""
        self._receive = receive
        self._send = send
        self._decode = decode
        self._ahead: asyncio.Task[None] | None = None
        self._events: deque[Any] = deque()
        self._ahead_bytes = 0
        self._reading = False
        self._read_over = False
        # What to raise from a send: the connection is over, by us or by the peer.
        self._over: type[RuntimeError] | None = None

    async def receive(self) -> TextMessage | BytesMessage | CloseMessage:
        """The next message; one of kind 0 when the peer has closed, once.

        Raises ``ProtocolClosed`` when the peer was lost and after kind 0, ``ProtocolError`` while another
        receive is pending. What a cancelled one was about to get is lost on servers whose receive is so.
        """
        if self._reading:
            raise ProtocolError("another receive is pending")
        if self._read_over:
            raise ProtocolClosed("the connection is over")
        self._reading = True
        try:
            if self._ahead is None and not self._events:
                event = await self._receive()
            else:
                event = await self._next_ahead()
        except FAILURES as error:
            self._read_over = True
            raise self.lost() from error
        finally:
            self._reading = False
        if event["type"] != "websocket.receive":
            return self._ended(event)
        text = event.get("text")  # Either key may be missing or None, and an empty message is one.
        return BytesMessage(bytes(event.get("bytes") or b"")) if text is None else TextMessage(text)

    async def _next_ahead(self) -> Any:
        if not self._events and self._ahead is not None:
            await asyncio.shield(self._ahead)  # It ends with the next event, as somebody is reading.
        event = self._events.popleft()
        self._ahead_bytes -= _size(event)
        return event

    def _ended(self, event: Any) -> CloseMessage:
        self._read_over = True
        closed_by_us, self._over = self._over is ProtocolError, self._over or ProtocolClosed
        try:
            self._decode(event)
        except ConnectionClosed as error:
            if not closed_by_us:
                raise ProtocolClosed("the peer was lost") from error
        return CloseMessage()

    async def send_str(self, data: str) -> None:
        """Send a text message; waits while the peer is too slow, where the server can tell. Raises
        ``ProtocolError`` after the app's close, ``ProtocolClosed`` when the peer has left."""
        if not isinstance(data, str):
            raise TypeError(f"send_str() takes str, not {type(data).__name__}")
        if self._over is not None:
            raise self._over("the connection is over")
        try:
            await self._send({"type": "websocket.send", "text": data})
        except FAILURES as error:
            raise self.lost() from error

    async def send_bytes(self, data: bytes) -> None:
        """Send a message of bytes; as :meth:`send_str`."""
        if not isinstance(data, BYTES):
            raise TypeError(f"send_bytes() takes bytes, not {type(data).__name__}")
        if self._over is not None:
            raise self._over("the connection is over")
        try:
            await self._send({"type": "websocket.send", "bytes": bytes(data)})
        except FAILURES as error:
            raise self.lost() from error

    def lost(self) -> RuntimeError:
        """A call of the server has failed: the peer has left, and this is what to raise."""
        self._over = self._over or ProtocolClosed
        return ProtocolClosed("the peer has left")

    # -- for the protocol and the watch --

    @property
    def peer_is_gone(self) -> bool:
        return self._over is ProtocolClosed

    def attend(self) -> None:
        """A few times a second: if the app is not receiving, receive for it."""
        idle = not self._reading and self._ahead is None and self._over is None
        if idle and self._ahead_bytes < READ_AHEAD_BYTES:
            self._ahead = asyncio.get_running_loop().create_task(self._look_ahead())
            self._ahead.add_done_callback(self._looked_ahead)

    async def _look_ahead(self) -> None:
        while True:
            event = await self._receive()
            self._events.append(event)
            self._ahead_bytes += _size(event)
            if event["type"] != "websocket.receive":
                self._over = self._over or ProtocolClosed
                return
            if self._reading or self._ahead_bytes >= READ_AHEAD_BYTES:
                return

    def _looked_ahead(self, ahead: asyncio.Task[None]) -> None:
        if ahead.cancelled() or ahead.exception() is None:
            self._ahead = None
        else:  # The next receive raises it; until then nobody does.
            self._over = self._over or ProtocolClosed

    def close(self) -> bool:
        """No more sends. False if the peer has ended it before."""
        open_until_now = self._over is None
        self._over = self._over or ProtocolError
        return open_until_now

    async def read_on(self, seconds: float) -> None:
        """Receive until the connection is over, or this long: some servers end it only then."""
        try:
            async with asyncio.timeout(seconds):
                while not self._read_over:
                    await self.receive()
        except (TimeoutError, ProtocolClosed, ProtocolError):
            pass

    def release(self) -> None:
        current_watch().discard(self)
        if self._ahead is not None:
            self._ahead.cancel()


def _size(event: Any) -> int:
    """Roughly, and never 0."""
    return len(event.get("text") or event.get("bytes") or "") + 100
