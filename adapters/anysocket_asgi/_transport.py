"""One WebSocket of an ASGI server (ASGI "WebSocket" 2.0 to 2.5)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import Any

from anysocket import Capability, ConnectionClosed, Message, Scope
from anysocket._message import BytesMessage, TextMessage
from anysocket._transport import RawHeaders
from anysocket_asgi._behind import paced
from anysocket_asgi._profiles import Profile, be_patient, find_abort, find_flow

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class ASGITransport:
    """The port on ``receive`` and ``send``."""

    remedy = "use a server that compat_matrix.md lists with it"
    # By the specification OSError (2.4); before it, and beside it, servers raise RuntimeError.
    failures: tuple[type[BaseException], ...] = (OSError, RuntimeError)

    def __init__(self, scope: Scope, receive: Receive, send: Send, profile: Profile, *, denial: bool) -> None:
        self.scope = scope
        self.server = profile.server
        self.linger = profile.linger
        # A function is a middleware's receive around the server's: who knows what it does when cancelled.
        self.cancel_safe = profile.cancel_safe and not isinstance(receive, FunctionType)
        self._profile = profile
        self.capabilities = profile.capabilities if denial else profile.capabilities & ~Capability.DENIAL_BODY
        self._receive = receive
        if self.cancel_safe:
            self.receive = receive  # type: ignore[method-assign] # Straight: a call in between costs each message.
        self._send = self._send_message = send
        flow = find_flow(profile, send)
        if flow is not None:
            self._send_message = paced(send, flow)
        self._receiving: Any = None
        self._accept_cancelled = False
        self._closed = False
        self._answering: asyncio.Task[None] | None = None

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        event: dict[str, Any] = {"type": "websocket.accept"}
        if subprotocol is not None:
            event["subprotocol"] = subprotocol
        if headers:
            event["headers"] = list(headers)
        try:
            await self._send(event)
        except self.failures:
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost") from None
        except asyncio.CancelledError:
            self._accept_cancelled = True
            raise

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        try:
            if Capability.DENIAL_BODY not in self.capabilities:
                await self._send({"type": "websocket.close"})  # The server answers 403.
                return
            raw = with_length(headers, body)
            if self._profile.joins_denial_headers:
                raw = _joined(raw)
            await self._send({"type": "websocket.http.response.start", "status": status, "headers": raw})
            await self._send({"type": "websocket.http.response.body", "body": body})
            # uvicorn notes the end of a denial in the loop's next round, and logs an error if we are gone.
            await asyncio.sleep(0)
        except self.failures:
            pass  # A peer that has left is refused, too.

    def receive(self) -> Awaitable[Any]:
        if self._profile.own_task:
            return asyncio.ensure_future(self._receive())
        self._receiving = receiving = self._receive()
        return receiving

    def decode(self, event: Any) -> Message:
        # Either key may be missing or None, and an empty message is one. No other event has a text.
        text = event.get("text")
        if text is not None:
            message: Message = TextMessage()
            message.data = text
            return message
        if event["type"] == "websocket.receive":
            message = BytesMessage()
            message.data = bytes(event.get("bytes") or b"")
            return message
        code, reason = event.get("code") or 1005, event.get("reason") or ""
        if code == 1006:
            if Capability.LOST_IS_1006 in self.capabilities:
                raise ConnectionClosed(1006, reason, "lost")
            code = 1005  # This server says 1006 at every end.
        return Message("close", reason, code, reason)

    def send_text(self, data: str) -> Awaitable[object]:
        return self._send_message({"type": "websocket.send", "text": data})

    def send_bytes(self, data: bytes) -> Awaitable[object]:
        return self._send_message({"type": "websocket.send", "bytes": data})

    async def close(self, code: int, reason: str) -> None:
        # Granian's close waits for ever while its receive is pending, and that is a future of its own.
        if hasattr(self._receiving, "cancel"):
            self._receiving.cancel()
        event: dict[str, Any] = {"type": "websocket.close"}
        if self._profile.carries_code(code):
            event["code"] = code
            if reason and Capability.CLOSE_REASON in self.capabilities:
                event["reason"] = reason
        self._closed = True
        be_patient(self._profile, self._send)
        with contextlib.suppress(*self.failures):  # Closed already.
            await self._send(event)

    def release(self) -> None:
        # Granian's future keeps its callback, and by it us: no garbage collector sees into that cycle.
        self._receiving = None
        reads_on = self._profile.answers_late and not self._accept_cancelled
        # After a cancelled accept the handler may go on: the peer would wait for its answer all the while.
        if self._closed or not (reads_on or self._profile.keeps_open or self._accept_cancelled):
            return
        # In a task of its own, as it may have to wait for a send that a slow peer holds up.
        ending = self._answer() if reads_on else self.close(1000, "")
        self._answering = asyncio.get_running_loop().create_task(ending)

    def abort(self) -> None:
        """End TCP at once, whatever the peer has not taken yet, where the server would wait for that."""
        abort = find_abort(self._profile, self._send, self.scope)
        if abort is not None:
            abort()

    async def _answer(self) -> None:
        """Read on, which answers with the peer's own code (RFC 6455 section 5.5.1), then close: ends TCP."""
        with contextlib.suppress(*self.failures):
            await self._receive()
        await self.close(1000, "")


def with_length(headers: RawHeaders, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a refusal, with those that its body needs."""
    raw = [pair for pair in headers if pair[0] != b"content-length"]
    if body and not any(name == b"content-type" for name, _ in raw):
        raw.append((b"content-type", b"text/plain; charset=utf-8"))
    raw.append((b"content-length", str(len(body)).encode()))
    return raw


def _joined(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return list(joined.items())
