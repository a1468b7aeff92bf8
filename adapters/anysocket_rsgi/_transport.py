"""One WebSocket of an RSGI server (RSGI 1.6, "Websocket protocol")."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from functools import partial
from typing import Any, NoReturn

from anysocket import Capability, ConnectionClosed, Message, Scope
from anysocket._message import BytesMessage, TextMessage
from anysocket._transport import RawHeaders
from anysocket_rsgi._errors import FAILURES, ProtocolClosed
from anysocket_rsgi._tcp import end_tcp

# Message kinds, RSGI 1.6.
CLOSE, BYTES, TEXT = 0, 1, 2

CAPABILITIES = Capability.LOST_IS_1006 | Capability.BACKPRESSURE
SERVER = "Granian RSGI"
REMEDY = "serve the app with `granian --interface asgi`, or with uvicorn, which carries what that lacks"


class _Ended:
    """In the place of the server's objects, which are freed when the connection is over."""

    def close(self, status: int) -> None:
        """Closed already."""

    def send_str(self, data: object) -> NoReturn:
        raise ProtocolClosed("the connection is over")

    send_bytes = send_str

    def receive(self) -> NoReturn:
        raise ProtocolClosed("the connection is over")


_ENDED = _Ended()


def _accepted(waiting: asyncio.Future[None], protocol: Any, accepting: Any) -> None:
    """The server has accepted: let the handler know, or close what it waits for no more."""
    if not waiting.done():
        waiting.set_result(None)
    else:
        with contextlib.suppress(*FAILURES):
            accepting.result()
            protocol.close(1000)


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

    def __init__(self, scope: Scope, protocol: Any) -> None:
        self.scope = scope
        self._protocol: Any = protocol
        # The only reference to RSGI's transport object. Not even its bound methods are kept elsewhere: an
        # exception's traceback would hold them, and with them the TCP connection.
        self._transport: Any = _ENDED
        self._answered = False

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        self._answered = True
        accepting = self._protocol.accept()
        # Granian sends the 101 of a cancelled accept all the same, and keeps a connection that nobody can
        # close: so the wait is cancelled, and not the accept.
        accepted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        accepting.add_done_callback(partial(_accepted, accepted, self._protocol))
        try:
            await accepted
            self._transport = accepting.result()
        except FAILURES:
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost") from None
        except asyncio.CancelledError:
            self._protocol = _ENDED
            raise
        finally:
            # A traceback would hold what it gives, and with it the TCP connection. The one of its own failure
            # would hold it for ever: no garbage collector sees into it.
            del accepting

    async def deny(self, status: int | None, headers: RawHeaders, body: bytes) -> None:
        self._answered = True
        self._protocol.close(status)

    def receive(self) -> Awaitable[Any]:
        receiving: Awaitable[Any] = self._transport.receive()
        return receiving

    def send_text(self, data: str) -> Awaitable[object]:
        sending: Awaitable[object] = self._transport.send_str(data)
        return sending

    def send_bytes(self, data: bytes) -> Awaitable[object]:
        sending: Awaitable[object] = self._transport.send_bytes(data)
        return sending

    def decode(self, event: Any) -> Message:
        kind = event.kind
        if kind == TEXT:
            message: Message = TextMessage()
        elif kind == BYTES:
            message = BytesMessage()
        else:
            return Message("close", "", 1005)
        message.data = event.data
        return message

    async def close(self, code: int, reason: str) -> None:
        self._protocol.close(code)

    def release(self) -> None:
        """Let go of the connection, whatever happened before; may be called again.

        Granian answers the peer's close with our own, or when it reads on, and ends TCP when its protocol
        and transport objects are freed, which must not wait for the garbage collector. A handshake left
        unanswered is answered here: older Granian ends the server's process when the application leaves
        without an answer.
        """
        status = 1000 if self._answered else 500
        self._answered = True
        self._protocol.close(status)
        self.forget()

    def abort(self) -> None:
        """End TCP at once: a send that waits for a peer who does not read keeps it, whatever we let go of."""
        end_tcp(self.scope.server, self.scope.client)

    def forget(self) -> None:
        """Let go without a word: somebody else ends the connection."""
        self._protocol = self._transport = _ENDED
