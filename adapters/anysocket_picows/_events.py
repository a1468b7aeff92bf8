"""ASGI's events for an app that knows nothing of transports (ASGI "WebSocket" 2.4)."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected

from anysocket import ConnectionClosed
from anysocket_picows._transport import PicowsTransport

START, BODY = "websocket.http.response.start", "websocket.http.response.body"


class Events:
    """``receive`` and ``send`` of one connection, as uvicorn's own implementations have them."""

    def __init__(self, transport: PicowsTransport) -> None:
        self.transport = transport
        self.state = "connecting"
        """``connecting``, ``refusing``, ``open`` or ``closed``."""
        self._told = False
        self._disconnect: dict[str, Any] | None = None
        self._response: tuple[int, list[tuple[bytes, bytes]]] = 0, []
        self._body = b""

    async def receive(self) -> dict[str, Any]:
        """The next event; from the end on it is the same ``websocket.disconnect`` again and again."""
        if not self._told:
            self._told = True
            return {"type": "websocket.connect"}
        if self._disconnect is not None:
            return self._disconnect
        try:
            message = await self.transport.receive()
        except ClientDisconnected:
            return self._end(1006, "")
        if message.type == "text":
            return {"type": "websocket.receive", "text": message.data}
        if message.type == "bytes":
            return {"type": "websocket.receive", "bytes": message.data}
        return self._end(message.code, message.reason)

    async def send(self, event: Any) -> None:
        """Raises ``OSError`` after the end, ``RuntimeError`` for an event that does not fit."""
        kind = event["type"]
        if self.state == "open" and kind == "websocket.send":
            data = event.get("bytes")
            if data is not None:
                sending = self.transport.send_bytes(data)
            else:
                sending = self.transport.send_text(event.get("text") or "")
            if sending is not None:
                await sending
        elif self.state == "open" and kind == "websocket.close":
            self.state = "closed"
            code, reason = event.get("code", 1000), event.get("reason") or ""
            if self._disconnect is None:
                self._end(code, reason)
            await self.transport.close(code, reason)
        elif self.state == "connecting":
            await self._answer(kind, event)
        elif self.state == "refusing" and kind == BODY:
            self._body += event.get("body", b"")
            if not event.get("more_body", False):
                await self._refuse(*self._response, self._body)
        else:
            raise RuntimeError(f"ASGI message {kind!r} does not fit a WebSocket that is {self.state}")

    async def _answer(self, kind: str, event: Any) -> None:
        if kind == "websocket.accept":
            try:
                await self.transport.accept(event.get("subprotocol"), list(event.get("headers") or ()))
            except ConnectionClosed:
                raise ClientDisconnected("the peer left during the handshake") from None
            self.state = "open"
        elif kind == "websocket.close":
            await self._refuse(403, [], b"")
        elif kind == START:
            self.state = "refusing"
            self._response = event["status"], list(event.get("headers") or ())
        else:
            raise RuntimeError(
                f"the handshake is answered with websocket.accept, websocket.close or {START}, not {kind!r}"
            )

    async def _refuse(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.state = "closed"
        self._end(1006, "")
        await self.transport.deny(status, headers, body)

    def _end(self, code: int | None, reason: str) -> dict[str, Any]:
        self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        return self._disconnect
