"""RSGI's WebSocket protocol object over ASGI (RSGI 1.6 "Websocket protocol")."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from anysocket._close import check_close
from anysocket._watch import current_watch
from anysocket_asgi._in_order import InOrder
from anysocket_asgi._rsgi_socket import FAILURES, WebSocketTransport
from anysocket_asgi._transport import ASGITransport, Receive, Send
from anysocket_rsgi._errors import ProtocolError

logger = logging.getLogger("anysocket")


class WebSocketProtocol:
    """What an RSGI app is called with for one WebSocket."""

    def __init__(self, transport: ASGITransport, receive: Receive, send: Send) -> None:
        self._path = transport.scope.path
        self._transport = transport
        self._send = send
        self._outgoing = InOrder()
        self._socket = WebSocketTransport(receive, send, transport.decode)
        self._answered = False
        self._closed = False

    def accept(self) -> asyncio.Future[WebSocketTransport]:
        """Accept the connection, from the call on, as Granian does. Awaited, it raises ``ProtocolError`` when
        the handshake was answered before, ``ProtocolClosed`` when the peer has left."""
        accepted: asyncio.Future[WebSocketTransport] = asyncio.get_running_loop().create_future()
        if self._answered:
            accepted.set_exception(ProtocolError("the handshake was answered already"))
        else:
            self._answered = True
            self._outgoing.put(partial(self._accept, accepted))
        return accepted

    async def _accept(self, accepted: asyncio.Future[WebSocketTransport]) -> None:
        error: RuntimeError | None = None
        try:
            await self._send({"type": "websocket.accept", "headers": []})
            current_watch().add(self._socket)
        except FAILURES:
            self._closed = True
            error = self._socket.lost()
        if not accepted.done():  # Cancelled: the connection is there all the same.
            if error is None:
                accepted.set_result(self._socket)
            else:
                accepted.set_exception(error)

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
            logger.error("the RSGI app returned without an answer to the WebSocket to %r", self._path)
        self.close((1011 if failed else 1000) if self._answered else 403)
        await self._outgoing.finish()
        if self._transport.linger:
            await self._socket.read_on(self._transport.linger)

    def release(self) -> None:
        """Nothing of this connection goes on; to be called in any case."""
        self._outgoing.stop()
        self._socket.release()
        self._transport.release()


def _close_code(code: int | None) -> int:
    """Granian sends none, so that any number is well there: an app may give what it likes."""
    try:
        check_close(1000 if code is None else code, "")
    except ValueError:
        return 1000
    return code or 1000
