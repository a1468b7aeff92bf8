"""RSGI's WebSocket protocol object over ASGI (RSGI 1.6 "Websocket protocol")."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial
from typing import Any

from anysocket import ConnectionClosed
from anysocket._close import check_close
from anysocket._watch import current_watch
from anysocket_asgi._in_order import InOrder
from anysocket_asgi._transport import ASGITransport, Send
from anysocket_rsgi._errors import ProtocolClosed, ProtocolError

logger = logging.getLogger("anysocket")

FAILURES = ASGITransport.failures
BYTES = (bytes, bytearray, memoryview)


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


class WebSocketProtocol:
    """What an RSGI app is called with for one WebSocket."""

    def __init__(self, transport: ASGITransport, send: Send) -> None:
        self._path = transport.scope.path
        self._transport = transport
        self._send = send
        self._outgoing = InOrder()
        self._socket = WebSocketTransport(transport, send)
        self._answered = False
        self._closed = False

    def accept(self) -> asyncio.Future[WebSocketTransport]:
        """Accept the connection, from the call on, as Granian does. Awaited, it raises ``ProtocolError`` when
        the handshake was answered before, ``ProtocolClosed`` when the peer has left."""
        first, self._answered = not self._answered, True
        return asyncio.get_running_loop().create_task(self._accept(first=first))

    async def _accept(self, *, first: bool) -> WebSocketTransport:
        if not first:
            raise ProtocolError("the handshake was answered already")
        try:
            await self._outgoing.send(partial(self._send, {"type": "websocket.accept", "headers": []}))
        except FAILURES as error:
            self._closed = True
            raise self._socket.lost() from error
        current_watch().add(self._socket)
        return self._socket

    def close(self, status: int | None = None) -> None:
        """Refuse the connection with an HTTP status (default 403), or close it after :meth:`accept` with a
        close code (default 1000; so for what is no code either). Again, it does nothing.

        Raises ``ValueError`` for what is no HTTP status, before accept.
        """
        if self._closed:
            return
        if self._answered:
            self._closed = True
            if self._socket.close():
                self._outgoing.put(partial(self._transport.close, _close_code(status), ""))
            return
        if status is None:
            refuse = self._refuse
        elif isinstance(status, int) and 200 <= status <= 999:
            refuse = partial(self._transport.deny, status, (), b"")
        else:
            raise ValueError(
                f"close({status!r}) before accept(): no HTTP status, which ends Granian's process"
            )
        self._answered = self._closed = True
        self._outgoing.put(refuse)

    async def _refuse(self) -> None:
        with contextlib.suppress(*FAILURES):  # A peer that has left is refused, too.
            await self._send({"type": "websocket.close"})

    # -- the end of the app's call --

    @property
    def peer_is_gone(self) -> bool:
        """Whether the peer is known to have left."""
        return self._socket.peer_is_gone

    async def finish(self, *, failed: bool) -> None:
        """Send what the app left; what it did not answer is refused, what it did not close is closed."""
        if not self._answered and not failed:
            logger.error("the RSGI app returned without an answer to the WebSocket to %s", self._path)
        self.close((1011 if failed else 1000) if self._answered else 403)
        await self._outgoing.finish()
        if self._transport.linger:
            await self._socket.read_on(self._transport.linger)

    def release(self) -> None:
        """Nothing of this connection goes on; to be called in any case."""
        self._outgoing.stop()
        self._socket.release()
        self._transport.release()


class WebSocketTransport:
    """What ``accept()`` gives to the app.

    ASGI servers tell of the peer's end by ``receive`` only, RSGI by sends as well: the watch looks ahead,
    by one event, for an app that does not receive.
    """

    __slots__ = ("_ahead", "_decode", "_over", "_read_over", "_reading", "_receive", "_send")

    def __init__(self, transport: ASGITransport, send: Send) -> None:
        self._receive = transport.receive
        self._send = send
        self._decode = transport.decode
        self._ahead: asyncio.Task[Any] | None = None
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
            if self._ahead is None:
                event = await self._receive()
            else:
                event = await asyncio.shield(self._ahead)
                self._ahead = None
        except FAILURES as error:
            self._read_over = True
            raise self.lost() from error
        finally:
            self._reading = False
        if event["type"] != "websocket.receive":
            return self._ended(event)
        text = event.get("text")  # Either key may be missing or None, and an empty message is one.
        return BytesMessage(bytes(event.get("bytes") or b"")) if text is None else TextMessage(text)

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
        if not self._reading and self._ahead is None and self._over is None:
            self._ahead = asyncio.get_running_loop().create_task(self._look_ahead())
            self._ahead.add_done_callback(self._looked_ahead)

    async def _look_ahead(self) -> Any:
        return await self._receive()

    def _looked_ahead(self, ahead: asyncio.Task[Any]) -> None:
        """Nobody may be waiting for it, but sends must know."""
        if not ahead.cancelled() and (ahead.exception() or ahead.result()["type"] != "websocket.receive"):
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


def _close_code(code: int | None) -> int:
    """Granian sends none, so that any number is well there: an app may give what it likes."""
    try:
        check_close(1000 if code is None else code, "")
    except ValueError:
        return 1000
    return code or 1000
