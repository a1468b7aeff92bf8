"""A double of RSGI's protocol object for one HTTP request, as Granian 2.8.7 was measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any


class Stream:
    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._protocol.streaming = True

    def __del__(self) -> None:
        self._protocol.streaming = False

    async def send_bytes(self, data: bytes) -> None:
        if self._protocol.left.is_set():
            raise RuntimeError("RSGI transport is closed")
        self._protocol.chunks.append(data)


class Protocol:
    """An empty chunk ends a body, one more if the client left."""

    def __init__(self, *body: bytes | asyncio.Event) -> None:
        self._body = [*body, b""]
        self.left = asyncio.Event()
        self.responses: list[tuple[Any, ...]] = []
        self.chunks: list[bytes] = []
        self.taken = 0
        self.streaming = False
        """Whether a streamed response has not ended."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.taken += 1
        assert self.taken == 1, "a body can be taken once"
        return self

    async def __anext__(self) -> bytes:
        if not self._body:
            raise StopAsyncIteration
        chunk = self._body.pop(0)
        if isinstance(chunk, asyncio.Event):
            await chunk.wait()
            return b"late"
        return chunk

    async def client_disconnect(self) -> None:
        await self.left.wait()

    def response_empty(self, status: int, headers: Any) -> None:
        self.responses.append((status, headers))

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        assert type(body) is bytes
        self.responses.append((status, headers, body))

    def response_file(self, status: int, headers: Any, file: str) -> None:
        assert type(file) is str
        self.responses.append((status, headers, "file", file))

    def response_stream(self, status: int, headers: Any) -> Stream:
        self.responses.append((status, headers, "stream"))
        return Stream(self)


def rsgi_scope(method: str = "GET", **changes: Any) -> Any:
    headers = changes.pop("headers", {})
    values = {"client": "127.0.0.1:5", "server": "[::1]:80", "scheme": "http", "http_version": "1.1"}
    rest = {"path": "/", "query_string": "", "authority": None, "method": method}
    return SimpleNamespace(**{**values, **rest, **changes}, headers=headers, proto="http")
