"""One WebSocket of an RSGI server (RSGI 1.6, "Websocket protocol")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from anysocket import Capability, ConnectionClosed, Message, Scope
from anysocket._transport import RawHeaders
from anysocket_rsgi._errors import FAILURES, ProtocolClosed

# Message kinds, RSGI 1.6.
CLOSE, BYTES, TEXT = 0, 1, 2

CAPABILITIES = Capability.LOST_IS_1006 | Capability.BACKPRESSURE
SERVER = "Granian RSGI"
REMEDY = "serve the app with `granian --interface asgi`, which can"


class _Ended:
    """In the place of the server's transport object, which is freed when the connection is over."""

    def send_str(self, data: object) -> NoReturn:
        raise ProtocolClosed("the connection is over")

    send_bytes = send_str

    def receive(self) -> NoReturn:
        raise ProtocolClosed("the connection is over")


_ENDED = _Ended()


class RSGITransport:
    """The port on RSGI's protocol and transport objects.

    RSGI's ``accept()`` takes nothing and its ``close()`` after accept sends no code: what the capabilities
    leave out. Before accept, ``close(status)`` is an HTTP response, and any value that is no HTTP
    status ends the server's process: only :meth:`deny` and :meth:`release` call it then.
    """

    server = SERVER
    capabilities = CAPABILITIES
    remedy = REMEDY
    failures = FAILURES
    # Granian drops the message that a cancelled receive was about to get.
    cancel_safe = False
    # A connection dropped with the peer's answer unread is reset instead of ended in order.
    linger = 2.0

    receive: Callable[[], Awaitable[Any]]
    send_text: Callable[[str], Awaitable[object]]
    send_bytes: Callable[[bytes], Awaitable[object]]

    def __init__(self, scope: Scope, protocol: Any) -> None:
        self.scope = scope
        self._protocol: Any = protocol
        self._answered = False
        self._use(_ENDED)

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        self._answered = True
        try:
            transport = await self._protocol.accept()
        except FAILURES:
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost") from None
        self._use(transport)

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self._answered = True
        self._protocol.close(status)

    def decode(self, event: Any) -> Message:
        kind = event.kind
        if kind == TEXT:
            return Message("text", event.data)
        if kind == BYTES:
            return Message("bytes", event.data)
        return Message("close", "", 1005)

    async def close(self, code: int, reason: str) -> None:
        self._protocol.close(code)

    def release(self) -> None:
        """Let go of the connection, whatever happened before; may be called again.

        Granian answers the peer's close with our own, or when it reads on, and ends TCP when the transport
        object is freed. A handshake left unanswered is answered here: older Granian ends the server's
        process when the application leaves without an answer.
        """
        status = 1000 if self._answered else 500
        self._answered = True
        self._protocol.close(status)
        self._use(_ENDED)

    def _use(self, transport: Any) -> None:
        """Have the port's verbs be those of RSGI's transport, as a call of ours in between would cost each
        message. This holds the only references to it."""
        self.receive = transport.receive
        self.send_text = transport.send_str
        self.send_bytes = transport.send_bytes
