"""RSGI's HTTP protocol object over ASGI (RSGI 1.6 "HTTP protocol", ASGI HTTP 2.3)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any, BinaryIO

from anysocket._headers import ILLEGAL_IN_VALUE, NAME
from anysocket_asgi._in_order import InOrder
from anysocket_asgi._rsgi_body import RequestBody
from anysocket_asgi._rsgi_stream import Stream, StreamTransport
from anysocket_asgi._transport import Receive, Send
from anysocket_rsgi._errors import ProtocolError
from anysocket_rsgi._request import Scope

logger = logging.getLogger("anysocket")

ResponseHeaders = Sequence[tuple[str, str]]
RawHeaders = list[tuple[bytes, bytes]]

NO_CONTENT = (204, 304)
NOT_FOUND = b"Not found"
FILE_CHUNK_BYTES = 1 << 16


class HTTPProtocol:
    """What an RSGI app is called with for one request.

    The body is read once, by ``await protocol()`` or ``async for chunk in protocol``. One response is given,
    by one of the ``response_…`` calls, which are plain functions: what they leave is sent while the app goes
    on. Another one is logged and ignored.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._request = RequestBody(receive)
        self._outgoing = InOrder()
        self._stream: Stream | None = None
        self.responded = False

    # -- the request --

    async def __call__(self) -> bytes:
        """The whole body. Raises ``ProtocolError`` when it was read before, ``ProtocolClosed`` when the
        client left before its end."""
        return await self._request.whole()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._request.chunks()

    async def client_disconnect(self) -> None:
        """Wait until the client has left, or the response is complete. It may be cancelled and called again.

        Of a body that nobody reads 64 KiB are taken meanwhile; a client that leaves in a longer one is
        noticed when it is read.
        """
        await asyncio.shield(self._request.watch())

    # -- the response --

    def response_empty(self, status: int, headers: ResponseHeaders) -> None:
        """A response without a body. Raises ``ValueError`` for what is no status, as the others do."""
        is_head = self._scope.method == "HEAD"
        raw = _checked(status, headers, drop_length=not is_head)
        if not is_head:
            _add_length(status, raw, 0)
        self._respond(self._send_whole, status, raw, b"")

    def response_str(self, status: int, headers: ResponseHeaders, body: str) -> None:
        """A response whose body is text, sent as UTF-8."""
        if not isinstance(body, str):
            raise TypeError(f"response_str() takes a str as body, not {type(body).__name__}")
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: ResponseHeaders, body: bytes) -> None:
        """A response whose body is bytes."""
        if not isinstance(body, bytes | bytearray | memoryview):
            raise TypeError(f"response_bytes() takes bytes as body, not {type(body).__name__}")
        raw, body = _checked(status, headers), bytes(body)
        _add_length(status, raw, len(body))
        self._respond(self._send_whole, status, raw, body)

    def response_file(self, status: int, headers: ResponseHeaders, file: str) -> None:
        """A response whose body is a file's content; 404 if it cannot be opened when its turn comes."""
        self._respond(self._send_file, status, _checked(status, headers), os.fspath(file), 0, None)

    def response_file_range(
        self, status: int, headers: ResponseHeaders, file: str, start: int, end: int
    ) -> None:
        """As :meth:`response_file`, of the bytes from ``start`` up to ``end``, which is not among them."""
        if not 0 <= start < end:
            raise ValueError(f"invalid range: {start} to {end}")
        raw = _checked(status, headers)
        self._respond(self._send_file, status, raw, os.fspath(file), start, end - start)

    def response_stream(self, status: int, headers: ResponseHeaders) -> StreamTransport:
        """A response whose body is sent through the returned object, and is complete when that is freed.
        Raises ``ProtocolError`` after another response."""
        raw = _checked(status, headers)
        if not self._respond(self._emit, _start(status, raw)):
            raise ProtocolError("the app has given a response already")
        has_body = not self._is_empty(status)
        self._stream = Stream(self._send, self._outgoing, self._request, has_body=has_body)
        return StreamTransport(self._stream)

    def _respond(self, work: Callable[..., Awaitable[object]], *arguments: Any) -> bool:
        """Put it to be sent. Granian ignores a response after the first one, and there are apps that rely on
        it without knowing."""
        if self.responded:
            logger.error("a second response to %s %r is ignored", self._scope.method, self._scope.path)
            return False
        self.responded = True
        self._outgoing.put(partial(work, *arguments))
        return True

    def _is_empty(self, status: int) -> bool:
        return self._scope.method == "HEAD" or status in NO_CONTENT

    async def _emit(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # The client has left (ASGI 2.4): nobody is there to be told.
            await self._send(message)

    async def _send_whole(self, status: int, raw: RawHeaders, body: bytes) -> None:
        await self._emit(_start(status, raw))
        await self._emit({"type": "http.response.body", "body": b"" if self._is_empty(status) else body})

    async def _send_file(
        self, status: int, raw: RawHeaders, path: str, start: int, length: int | None
    ) -> None:
        try:
            file = await asyncio.to_thread(_open_at, path, start)
        except OSError as error:
            logger.error("404 for %r: its file cannot be opened: %s", self._scope.path, error)
            raw.clear()
            _add_length(404, raw, len(NOT_FOUND))
            await self._send_whole(404, raw, NOT_FOUND)
            return
        try:
            await self._emit(_start(status, raw))
            if not self._is_empty(status):
                await self._send_content(file, length)
            await self._emit({"type": "http.response.body"})
        finally:
            file.close()

    async def _send_content(self, file: BinaryIO, length: int | None) -> None:
        while length is None or length > 0:
            size = FILE_CHUNK_BYTES if length is None else min(FILE_CHUNK_BYTES, length)
            chunk = await asyncio.to_thread(file.read, size)
            if not chunk:
                return
            if length is not None:
                length -= len(chunk)
            await self._emit({"type": "http.response.body", "body": chunk, "more_body": True})

    # -- the end of the app's call --

    @property
    def peer_is_gone(self) -> bool:
        """Whether the client is known to have left."""
        return self._request.disconnected

    async def finish(self, *, failed: bool) -> None:
        """Send what the app left. A stream that it has handed on is waited for; one that it was in when it
        failed is left without an end, so that the server breaks it off."""
        if self._stream is not None and not self._stream.is_freed:
            if failed:
                return
            self._request.drop()
            await self._stream.ended()
        await self._outgoing.finish()

    def release(self) -> None:
        """Nothing of this request goes on; to be called in any case."""
        self._outgoing.stop()
        self._request.release()


def _start(status: int, raw: RawHeaders) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": raw}


def _checked(status: int, headers: ResponseHeaders, *, drop_length: bool = False) -> RawHeaders:
    """The headers as bytes, and an error for what is no status. Headers that break a response apart are left
    out, as Granian does, though not silently."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ValueError(f"{status!r} is no HTTP response status from 200 to 999")
    # Servers insist on a length that is kept, and some on none here (RFC 9110 section 8.6).
    drop_length = drop_length or status in NO_CONTENT
    raw: RawHeaders = []
    for name, value in headers:
        if not (isinstance(name, str) and isinstance(value, str)):
            raise TypeError(f"headers are pairs of str, not {name!r}: {value!r}")
        # UTF-8, as Granian has it; from_asgi() puts other bytes into surrogates, for the way back.
        pair = name.lower().encode(), value.encode(errors="surrogateescape")
        if not NAME.fullmatch(pair[0]) or ILLEGAL_IN_VALUE.search(pair[1]):
            logger.warning("header %r: %r left out: illegal name, newline or zero byte", name, value)
        elif not drop_length or pair[0] != b"content-length":
            raw.append(pair)
    return raw


def _add_length(status: int, raw: RawHeaders, length: int) -> None:
    if status not in NO_CONTENT and all(name != b"content-length" for name, _ in raw):
        raw.append((b"content-length", b"%d" % length))


def _open_at(path: str, start: int) -> BinaryIO:
    file = open(path, "rb")  # noqa: SIM115 - closed by who sends it
    file.seek(start)
    return file
