"""What a handler of the cases gets where there is no anysocket: the server's own calls under the same names.

Each call does what the server's interface offers for it and no more, as a program written straight to that
interface does: nothing is checked, nothing normalised, nothing caught.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from anysocket import Capability, Message


class BareWebSocket(ABC):
    """The names that handlers use. Any attribute may be set on it."""

    def __init__(self, scope: Any, headers: Mapping[str, str]) -> None:
        self.scope = scope
        self.headers = headers
        self.capabilities = Capability(0)
        self.closed = False
        self.id = str(id(self))
        self.state = SimpleNamespace()

    @abstractmethod
    async def accept(self, subprotocol: str | None = None, headers: Any = None) -> None: ...

    @abstractmethod
    async def deny(self, status: int = 403, headers: Any = None, body: bytes | str = b"") -> None: ...

    @abstractmethod
    async def receive(self) -> Message: ...

    @abstractmethod
    async def send_text(self, data: Any) -> None: ...

    @abstractmethod
    async def send_bytes(self, data: Any) -> None: ...

    @abstractmethod
    async def close(self, code: int = 1000, reason: str = "") -> None: ...

    async def send(self, data: Any) -> None:
        """One call or the other by the type, as anyone would write it."""
        await (self.send_text(data) if isinstance(data, str) else self.send_bytes(data))

    async def send_json(self, data: Any) -> None:
        """JSON is text."""
        await self.send_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False))

    async def receive_text(self) -> Any:
        """The payload, whatever it is."""
        return (await self.receive()).data

    receive_bytes = receive_text

    async def receive_json(self) -> Any:
        """The payload as JSON."""
        return json.loads((await self.receive()).data)

    async def wait_closed(self) -> None:
        """No interface has it: a handler that only waits is never told."""
        await asyncio.Event().wait()

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self.receive()).code is None:
            yield message


class _Headers(dict[str, str]):
    def getlist(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


class BareASGI(BareWebSocket):
    """On an ASGI server."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        super().__init__(SimpleNamespace(**{"path_params": {}, **scope}), _Headers(reversed(pairs)))
        self.state = SimpleNamespace(**(scope.get("state") or {}))
        self.query_params = parse_qs(scope.get("query_string", b"").decode())
        self._raw = scope
        self._receive = receive
        self._send = send

    async def accept(self, subprotocol: str | None = None, headers: Any = None) -> None:
        await self._receive()
        event: dict[str, Any] = {"type": "websocket.accept"}
        if subprotocol is not None:
            event["subprotocol"] = subprotocol
        if headers is not None:
            event["headers"] = _raw_headers(headers)
        await self._send(event)

    async def deny(self, status: int = 403, headers: Any = None, body: bytes | str = b"") -> None:
        await self._receive()
        if "websocket.http.response" not in (self._raw.get("extensions") or {}):
            await self._send({"type": "websocket.close"})
            return
        pairs = _raw_headers(headers or [])
        content = body.encode() if isinstance(body, str) else body
        await self._send({"type": "websocket.http.response.start", "status": status, "headers": pairs})
        await self._send({"type": "websocket.http.response.body", "body": content})

    async def receive(self) -> Message:
        event = await self._receive()
        if event["type"] == "websocket.receive":
            text = event.get("text")
            return Message("bytes", event["bytes"]) if text is None else Message("text", text)
        code, reason = event.get("code"), event.get("reason") or ""
        return Message("close", reason, 1005 if code is None else code, reason)

    async def send_text(self, data: Any) -> None:
        await self._send({"type": "websocket.send", "text": data})

    async def send_bytes(self, data: Any) -> None:
        await self._send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


class BareRSGI(BareWebSocket):
    """On an RSGI server, whose accept takes nothing and whose close takes a status."""

    def __init__(self, scope: Any, protocol: Any) -> None:
        super().__init__(scope, scope.headers)
        self.query_params = parse_qs(scope.query_string)
        self._protocol = protocol
        self._transport: Any = None

    async def accept(self, subprotocol: str | None = None, headers: Any = None) -> None:
        self._transport = await self._protocol.accept()

    async def deny(self, status: int = 403, headers: Any = None, body: bytes | str = b"") -> None:
        self._protocol.close(status)

    async def receive(self) -> Message:
        message = await self._transport.receive()
        if message.kind == 0:
            return Message("close", "", 1005)
        return Message("text" if message.kind == 2 else "bytes", message.data)

    async def send_text(self, data: Any) -> None:
        await self._transport.send_str(data)

    async def send_bytes(self, data: Any) -> None:
        await self._transport.send_bytes(data)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._protocol.close(code)


def _raw_headers(headers: Mapping[str, str] | Sequence[tuple[Any, Any]]) -> list[tuple[bytes, bytes]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(_bytes(name), _bytes(value)) for name, value in pairs]


def _bytes(text: Any) -> bytes:
    return text.encode() if isinstance(text, str) else text
