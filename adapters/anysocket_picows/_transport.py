"""One WebSocket on picows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import MethodType
from typing import Any, NoReturn, Protocol

from picows import WSFrame, WSListener, WSMsgType, WSProtocolError, WSTransport
from uvicorn.protocols.utils import ClientDisconnected

from anysocket import Capability, ConnectionClosed, Message, Scope
from anysocket._message import BytesMessage, TextMessage
from anysocket._transport import RawHeaders
from anysocket_picows._arrivals import Arrivals
from anysocket_picows._keepalive import Keepalive

CAPABILITIES = ~Capability(0)
"""All there are."""
CLOSE_TIMEOUT = 10.0
"""Seconds for the peer to answer a close of ours."""

TEXT, BINARY, CONTINUATION = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION
CLOSE, PONG = WSMsgType.CLOSE, WSMsgType.PONG
PROTOCOL_ERROR, INVALID_TEXT, TOO_BIG = 1002, 1007, 1009
SERVICE_RESTART, KEEPALIVE_FAILED = 1012, 1011


class Door(Protocol):
    """What answers the handshake."""

    tcp: asyncio.Transport
    max_message_bytes: int
    ping_interval: float | None
    ping_timeout: float | None

    def accept(self, listener: WSListener, subprotocol: str | None, headers: RawHeaders) -> WSTransport: ...
    def deny(self, status: int, headers: RawHeaders, body: bytes) -> None: ...
    def left(self) -> None: ...


def _refuse(kind: WSMsgType, data: object) -> NoReturn:
    raise ClientDisconnected("the connection is over")


class PicowsTransport(WSListener):
    """The port, and what picows tells of frames.

    A message that comes while somebody waits for it is handed over inside picows' own call; one that is sent
    goes to the kernel inside the call that sends it, unless the peer is too slow.
    """

    __slots__ = (
        "_arrivals",
        "_closing",
        "_deadline",
        "_deliver",
        "_door",
        "_ended",
        "_fragments",
        "_fragments_are",
        "_fragments_bytes",
        "_keepalive",
        "_send",
        "_tcp",
        "_writable",
        "_ws",
        "scope",
        "send_bytes",
        "send_text",
    )

    server = "uvicorn (picows)"
    capabilities = CAPABILITIES
    remedy = "use a server that compat_matrix.md lists with it"
    scope: Scope
    cancel_safe = True
    linger = 0.0  # It reads on by itself.
    failures: tuple[type[BaseException], ...] = (OSError,)

    def __init__(self, door: Door) -> None:
        self._door = door
        self._tcp = door.tcp
        self._arrivals = Arrivals(door.tcp)
        self._deliver: Callable[[Message], None] = self._arrivals.put
        self._ws: WSTransport | None = None
        self._send: Callable[[WSMsgType, str | bytes], None] = _refuse
        self._offer(_refuse)
        self._keepalive: Keepalive | None = None
        self._fragments: list[bytes] = []
        self._fragments_are: WSMsgType | None = None
        self._fragments_bytes = 0
        self._closing = False
        self._ended = False
        self._writable: asyncio.Future[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # -- the port --

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        if self._ended or self._tcp.is_closing():
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost")
        self._ws = self._door.accept(self, subprotocol, headers)

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        if not self._ended:
            self._door.deny(status, headers, body)

    def receive(self) -> Awaitable[Any]:
        return self._arrivals

    def decode(self, event: Any) -> Message:
        message: Message = event
        return message

    async def close(self, code: int, reason: str) -> None:
        self.start_close(code, reason)

    def release(self) -> None:
        if not self._closing:
            self._stop()
            self._tcp.close()

    def abort(self) -> None:
        """End TCP at once, whatever the peer has not taken yet."""
        self._tcp.abort()

    # -- the end --

    def start_close(self, code: int, reason: str) -> None:
        """Send a close frame, and read on until the peer's answer, but for so long only."""
        if self._ws is not None and not self._closing:
            self._stop()
            self._ws.send_close(code, reason)  # type: ignore[arg-type] # An enumeration to its stubs only.
            self._arrivals.drop()
            self._deadline = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self.abort)

    def shut_down(self) -> None:
        """The server ends, and waits for no answer of the peer."""
        if not self._closing:
            self.start_close(SERVICE_RESTART, "")
            self._arrivals.end(Message("close", "", SERVICE_RESTART), ClientDisconnected())
        self._tcp.close()

    def lost(self) -> None:
        """TCP has ended."""
        self._ended = True
        self._stop()
        if self._deadline is not None:
            self._deadline.cancel()
        self._arrivals.end(None, ClientDisconnected("the connection was lost"))
        self.resume_writing()  # Nobody else will wake those who wait.
        self._door.left()

    def _stop(self) -> None:
        """Nothing is sent, nor received, any more."""
        self._closing = True
        self._send = _refuse
        self._offer(_refuse)
        self._deliver = _drop
        if self._keepalive is not None:
            self._keepalive.stop()

    def _silent(self) -> None:
        self.start_close(KEEPALIVE_FAILED, "keepalive ping timeout")
        self._arrivals.end(None, ClientDisconnected("the peer answers no pings"))
        self._tcp.close()

    # -- sending --

    def _offer(self, send: Callable[[WSMsgType, Any], Awaitable[object] | None]) -> None:
        """Send by this from now on: straight into native code as long as it can be. A bound method hands its
        own argument over faster than a ``partial`` does, and takes less memory."""
        self.send_text: Callable[[str], Awaitable[object] | None] = MethodType(send, TEXT)
        self.send_bytes: Callable[[bytes], Awaitable[object] | None] = MethodType(send, BINARY)

    async def _send_when_low(self, kind: WSMsgType, data: str | bytes) -> None:
        while self._writable is not None:
            await asyncio.shield(self._writable)
        self._send(kind, data)

    def pause_writing(self) -> None:
        """Of picows: TCP holds much that the peer has not taken."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()
            self._offer(self._send_when_low)

    def resume_writing(self) -> None:
        """Of picows: TCP holds little."""
        writable, self._writable = self._writable, None
        if writable is not None:
            writable.set_result(None)
            self._offer(self._send)

    # -- what picows tells --

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._send = transport.send
        self._offer(transport.send)
        self._keepalive = Keepalive(
            self._door.ping_interval,
            self._door.ping_timeout,
            ping=transport.send_ping,
            deaf=lambda: self._arrivals.held,
            lost=self._silent,
        )

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.lost()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._violation(PROTOCOL_ERROR, "reserved bits are set")
        if kind is TEXT and frame.fin and self._fragments_are is None:
            try:
                text = frame.get_payload_as_utf8_text()
            except UnicodeDecodeError:
                self._violation(INVALID_TEXT, "text is not UTF-8")
            message: Message = TextMessage()
            message.data = text
            self._deliver(message)
        elif kind is BINARY and frame.fin and self._fragments_are is None:
            message = BytesMessage()
            message.data = frame.get_payload_as_bytes()
            self._deliver(message)
        elif kind is CLOSE:
            self._peer_closed(transport, frame.get_payload_as_bytes())
        elif kind is PONG:
            if self._keepalive is not None:
                self._keepalive.pong(frame.get_payload_as_bytes())
        else:
            self._fragment(kind, frame)

    def _fragment(self, kind: WSMsgType, frame: WSFrame) -> None:
        """A part of a message (RFC 6455 section 5.4)."""
        if (kind is CONTINUATION) is (self._fragments_are is None):
            self._violation(PROTOCOL_ERROR, "a message does not begin, or not end")
        if kind is not CONTINUATION:
            self._fragments_are = kind
        payload = frame.get_payload_as_bytes()
        self._fragments_bytes += len(payload)
        if self._fragments_bytes > self._door.max_message_bytes:
            self._violation(TOO_BIG, f"a message exceeds {self._door.max_message_bytes} bytes")
        self._fragments.append(payload)
        if frame.fin:
            data, is_text = b"".join(self._fragments), self._fragments_are is TEXT
            self._fragments, self._fragments_are, self._fragments_bytes = [], None, 0
            try:
                message = Message("text", data.decode()) if is_text else Message("bytes", data)
            except UnicodeDecodeError:
                self._violation(INVALID_TEXT, "text is not UTF-8")
            self._deliver(message)

    def _violation(self, code: int, why: str) -> NoReturn:
        self._stop()
        raise WSProtocolError(code, why)  # picows closes with it.

    def _peer_closed(self, transport: WSTransport, payload: bytes) -> None:
        """Answer with the same (RFC 6455 section 5.5.1), and end TCP (section 7.1.1)."""
        code = int.from_bytes(payload[:2]) if payload else 1005
        reason = payload[2:].decode()
        if payload and (code > 4999 or code in (0, 1006)):
            self._violation(PROTOCOL_ERROR, f"no close frame may carry {code}")
        if not self._closing:
            transport.send(CLOSE, payload)
        self._stop()
        self._arrivals.end(Message("close", reason, code, reason), ClientDisconnected())
        self._tcp.close()


def _drop(message: Message) -> None:
    pass
