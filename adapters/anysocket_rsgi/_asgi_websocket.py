"""An ASGI app's WebSockets run over RSGI's (ASGI "WebSocket" 2.4, RSGI 1.6).

The app's messages are calls of anysocket's own WebSocket, so that its promises hold for any app: order,
no message lost to a cancelled ``receive``, pings and closes answered whatever the app does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal

from anysocket import ConnectionClosed, UnsupportedByTransport
from anysocket._websocket import LOST, WebSocket
from anysocket_rsgi._asgi_response import checked_status
from anysocket_rsgi._asgi_scope import ASGIApp, ASGIMessage, is_asgi_server, websocket_scope
from anysocket_rsgi._scope import build_scope
from anysocket_rsgi._transport import REMEDY, SERVER, RSGITransport

logger = logging.getLogger("anysocket")

OnUnsupported = Literal["error", "ignore"]
MAX_MESSAGE_BYTES = 1 << 26
"""As Granian has it: the size of messages is the server's business in ASGI."""
WITHOUT_ANSWER = "the ASGI app returned without accepting or refusing the WebSocket to %s: refused with 500"


class Unsupported:
    """What becomes of the parts of ``websocket.accept`` that RSGI cannot carry."""

    def __init__(self, on_unsupported: OnUnsupported) -> None:
        if on_unsupported not in ("error", "ignore"):
            raise ValueError(f"on_unsupported must be 'error' or 'ignore', not {on_unsupported!r}")
        self._ignore = on_unsupported == "ignore"
        self._warned = False

    def drop(self, what: str) -> None:
        """Raise :class:`UnsupportedByTransport`, or log that it is dropped: the first time as a warning."""
        if not self._ignore:
            raise UnsupportedByTransport(
                f"{SERVER} cannot send {what}: {REMEDY}; from_asgi(…, on_unsupported='ignore') drops it"
            )
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        logger.log(level, "%s cannot send %s: dropped", SERVER, what)


async def run_asgi_websocket(
    asgi_app: ASGIApp,
    scope: Any,
    protocol: Any,
    state: Mapping[str, Any],
    unsupported: Unsupported,
    root_path: str = "",
    on_accept: Callable[[WebSocket], object] = bool,
) -> None:
    """Serve one RSGI WebSocket with ``asgi_app``; never raises but for cancellation.

    An app that raises, or returns without an answer to the handshake, refuses it with 500; later it closes
    with 1011, or 1000 if it just returned. What it raises is logged, except for the ``ConnectionClosed`` of
    its own sends. Where an ASGI server is behind RSGI's objects (``anysocket_asgi.from_rsgi``), it comes out
    of here instead. ``on_accept`` is given the connection that is about to be accepted.
    """
    transport = RSGITransport(build_scope(scope, {}), protocol)
    # An ASGI server has its own way of the plain refusal; Granian up to 2.8.5 needs a status.
    refusal = None if is_asgi_server(protocol) else 403
    connection = _Connection(transport, unsupported, on_accept, refusal=refusal)
    asgi_scope = websocket_scope(scope, state, root_path)
    where = asgi_scope["raw_path"].decode()
    try:
        await asgi_app(asgi_scope, connection.receive, connection.send)
    except ConnectionClosed as closed:
        logger.debug("the WebSocket to %s ended: %s", where, closed)
    except Exception:
        if is_asgi_server(protocol):
            connection.abandon()
            raise
        logger.exception("exception in the ASGI app serving the WebSocket to %s", where)
        await connection.close(1011)
    else:
        await connection.close(1000)
        if not connection.answered:
            logger.error(WITHOUT_ANSWER, where)
    finally:
        await connection.leave()
        transport.release()


class _Connection:
    """ASGI's ``receive`` and ``send`` for one WebSocket."""

    __slots__ = (
        "_abandoned",
        "_accepting",
        "_answered",
        "_asked",
        "_closed",
        "_denial",
        "_free",
        "_on_accept",
        "_receiving",
        "_refusal",
        "_transport",
        "_unsupported",
        "_websocket",
    )

    def __init__(
        self,
        transport: RSGITransport,
        unsupported: Unsupported,
        on_accept: Callable[[WebSocket], object],
        *,
        refusal: int | None,
    ) -> None:
        self._transport = transport
        self._on_accept = on_accept
        self._refusal = refusal
        self._unsupported = unsupported
        self._abandoned = False
        self._asked = False  # Whether the app has got its websocket.connect.
        self._accepting = False
        self._websocket: WebSocket | None = None  # Once accepted.
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._denial: int | None = None  # The status of a refusal whose body is still to come.
        self._closed = False  # Whether the app has said its last word.
        # Whether a task receives, and what the others wait for: a lock would cost each message.
        self._receiving = False
        self._free: asyncio.Future[None] | None = None

    @property
    def answered(self) -> bool:
        """Whether the app has accepted or refused."""
        return self._answered.done()

    # -- receive --

    async def receive(self) -> ASGIMessage:
        """``websocket.connect``, then the messages, then ``websocket.disconnect``, however often it is asked
        for. Cancelling it loses nothing; any number of tasks may receive at once."""
        websocket = self._websocket
        if websocket is None:
            if not self._asked:
                self._asked = True
                return {"type": "websocket.connect"}
            # Before the accept RSGI tells nothing, not even of a peer that left.
            await asyncio.shield(self._answered)
            websocket = self._websocket
            if websocket is None:
                await asyncio.sleep(0)  # Who asks again and again must not be alone in the process.
                return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        while self._receiving:
            await self._until_free()
        self._receiving = True
        try:
            message = await websocket.receive()
        except ConnectionClosed as closed:
            await asyncio.sleep(0)
            return {"type": "websocket.disconnect", "code": closed.code, "reason": closed.reason}
        finally:
            self._receiving = False
            if self._free is not None:
                self._free.set_result(None)
                self._free = None
        if message.type == "text":
            return {"type": "websocket.receive", "text": message.data}
        if message.type == "bytes":
            return {"type": "websocket.receive", "bytes": message.data}
        return {"type": "websocket.disconnect", "code": message.code, "reason": message.reason}

    async def _until_free(self) -> None:
        """Wait until the task that receives has got its message."""
        if self._free is None:
            self._free = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._free)

    # -- send --

    def send(self, message: ASGIMessage) -> Coroutine[Any, Any, None]:
        """Take a message of the app; a coroutine, which for most messages is the connection's own.

        Raises ``ConnectionClosed``, an ``OSError``, if the peer has left; ``RuntimeError`` for a message that
        does not fit; ``UnsupportedByTransport`` for what RSGI cannot carry; ``TypeError`` and ``ValueError``
        for what no WebSocket can.
        """
        websocket = self._websocket
        if websocket is not None and not self._closed and message["type"] == "websocket.send":
            text = message.get("text")
            # What is wrong is told when it is awaited, so other text has to take the longer way.
            if isinstance(text, str) and text.isascii():
                return websocket.send_text(text)
        return self._send(message)

    async def _send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        websocket = self._websocket
        if websocket is None or self._closed:
            await self._answer(kind, message)
        elif kind == "websocket.send":
            text = message.get("text")
            if text is not None:
                await websocket.send_text(text)
            else:
                await websocket.send_bytes(message["bytes"])
        elif kind == "websocket.close":
            self._closed = True
            if not websocket.closed:
                await websocket.close(message.get("code") or 1000, message.get("reason") or "")
        else:
            raise _misplaced(kind, "the handshake was accepted")

    async def _answer(self, kind: str, message: ASGIMessage) -> None:
        if self._closed:
            raise _misplaced(kind, "the app closed or refused the WebSocket")
        if self._denial is not None:
            await self._send_denial_body(kind, message)
        elif self._accepting:
            raise _misplaced(kind, "'websocket.accept', which is under way")
        elif kind == "websocket.accept":
            await self._accept(message)
        elif kind == "websocket.close":
            await self._deny(self._refusal)
        elif kind == "websocket.http.response.start":
            self._denial = checked_status(message["status"])
            if message.get("headers"):
                logger.debug("%s cannot send the headers of a refusal: dropped", SERVER)
        else:
            raise _misplaced(kind, "the handshake waits for its answer")

    async def _accept(self, message: ASGIMessage) -> None:
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            self._unsupported.drop(f"the subprotocol {subprotocol!r}")
        headers = list(message.get("headers") or ())
        if headers:
            self._unsupported.drop(f"the headers {headers!r} in the handshake's answer")
        self._accepting = True
        websocket = WebSocket(self._transport, max_message_bytes=MAX_MESSAGE_BYTES)
        self._on_accept(websocket)
        try:
            await websocket.accept()
        finally:
            self._websocket = websocket  # If the peer has left, it says so from now on.
            self._settle()

    async def _send_denial_body(self, kind: str, message: ASGIMessage) -> None:
        if kind != "websocket.http.response.body":
            raise _misplaced(kind, "'websocket.http.response.start'")
        if message.get("body"):
            logger.debug("%s cannot send the body of a refusal: dropped", SERVER)
        if not message.get("more_body", False):
            assert self._denial is not None
            await self._deny(self._denial)

    async def _deny(self, status: int | None) -> None:
        self._closed = True
        await self._transport.deny(status, [], b"")
        self._settle()

    def _settle(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)

    # -- the end --

    async def close(self, code: int) -> None:
        """What the end of the app means for the peer, unless the connection has ended."""
        await self._accept_over()
        if self._websocket is not None and not self._websocket.closed:
            await self._websocket.close(code)

    async def leave(self) -> None:
        """The app is done: let go of the connection."""
        if self._abandoned:
            return
        await self._accept_over()
        self._closed = True
        self._settle()
        if self._websocket is not None:
            await self._websocket._leave()

    def abandon(self) -> None:
        """Leave the connection's end to the server. Nothing is waited for: the cancellation of TestClient,
        when it leaves, would take the place of the app's exception."""
        self._abandoned = self._closed = True
        self._transport.forget()
        self._settle()
        if self._websocket is not None:
            self._websocket._lost(LOST)

    async def _accept_over(self) -> None:
        """A task that the app has left may be accepting: a connection that opens now must be closed, too."""
        if self._accepting:
            await asyncio.shield(self._answered)


def _misplaced(kind: str, after: str) -> RuntimeError:
    return RuntimeError(f"ASGI message {kind!r} does not fit after {after}")
