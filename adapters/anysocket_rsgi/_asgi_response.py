"""ASGI's ``send`` for one HTTP request, on RSGI's response calls."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import re
import stat
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from anysocket._headers import ILLEGAL_IN_VALUE, NAME
from anysocket_rsgi._asgi_request import Request
from anysocket_rsgi._asgi_scope import ASGIMessage
from anysocket_rsgi._opened import next_opening, opened

logger = logging.getLogger("anysocket")

ResponseHeaders = list[tuple[str, str]]

NO_CONTENT = (204, 304)
UNUSUAL = re.compile(rb"[^\t\x20-\x7e]")
"""What needs a closer look in the value of a header."""
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What Granian cannot write in the value of a header."""
TURN_BYTES = 1 << 16
"""RSGI's stream takes everything at once: after so much of it the event loop gets a turn, so that others
run and the client's leaving is noticed."""


class RSGIStream(Protocol):
    """A streamed response. It ends when the last reference to it is dropped."""

    def send_bytes(self, data: bytes) -> Awaitable[object]: ...


class RSGIResponse(Protocol):
    """What the RSGI specification gives an app to respond with."""

    def response_empty(self, status: int, headers: ResponseHeaders) -> None: ...
    def response_bytes(self, status: int, headers: ResponseHeaders, body: bytes) -> None: ...
    def response_file(self, status: int, headers: ResponseHeaders, file: str) -> None: ...
    def response_stream(self, status: int, headers: ResponseHeaders) -> RSGIStream: ...


class Response:
    """The start is held back until it is known whether one call will do.

    ``any_bytes``: the server carries header values that are not UTF-8; ``opens_later``: it opens a file when
    the call that names it has returned long ago.
    """

    __slots__ = (
        "_any_bytes",
        "_is_head",
        "_opens_later",
        "_protocol",
        "_request",
        "_sent",
        "_start",
        "_stream",
        "_unturned",
        "complete",
    )

    def __init__(
        self, protocol: RSGIResponse, method: str, request: Request, *, any_bytes: bool, opens_later: bool
    ) -> None:
        self._protocol = protocol
        self._is_head = method == "HEAD"
        self._request = request
        self._any_bytes = any_bytes
        self._opens_later = opens_later
        self._start: tuple[int, ResponseHeaders] | None = None
        self._stream: RSGIStream | None = None
        self._unturned = 0
        self._sent = False
        self.complete = False

    async def send(self, message: ASGIMessage) -> None:
        """Take a message of the response. Silent once the client has left.

        Raises ``RuntimeError`` for one that does not fit, ``ValueError`` for a status or header that
        HTTP has not, ``OSError`` for a file that cannot be read.
        """
        kind = message["type"]
        if self.complete:
            raise RuntimeError(f"ASGI message {kind!r} after the response was complete")
        if kind == "http.response.start":
            if self._start is not None:
                raise RuntimeError("a second 'http.response.start': the response has begun already")
            headers = _headers(message.get("headers", ()), any_bytes=self._any_bytes)
            self._start = checked_status(message["status"]), headers
        elif self._start is None:
            raise RuntimeError(f"ASGI message {kind!r} before 'http.response.start'")
        elif kind == "http.response.body":
            more_body = message.get("more_body", False)
            await self._send_body(*self._start, message.get("body", b""), more_body=more_body)
        elif kind == "http.response.pathsend" and not self._sent:
            await self._send_file(*self._start, message["path"])
        else:
            raise RuntimeError(f"ASGI message {kind!r} does not belong to an HTTP response, or not here")

    async def _send_body(self, status: int, headers: ResponseHeaders, body: Any, *, more_body: bool) -> None:
        if self._is_head or status in NO_CONTENT:
            if not self._sent:
                self._protocol.response_empty(status, headers)
        elif not self._sent and not more_body:
            self._protocol.response_bytes(status, headers, bytes(body))
        else:
            if not self._sent:
                self._stream = self._protocol.response_stream(status, headers)
            await self._stream_bytes(bytes(body))
        self._sent = True
        if not more_body:
            self._finish()

    async def _stream_bytes(self, body: bytes) -> None:
        if body and self._stream is not None:
            try:
                await self._stream.send_bytes(body)
            except RuntimeError:  # RSGI's ProtocolClosed is one: the client left.
                self._stream = None
                self._request.lost()
        self._unturned += len(body) if self._stream is not None else TURN_BYTES
        if self._unturned >= TURN_BYTES:
            self._unturned = 0
            await asyncio.sleep(0)

    async def _send_file(self, status: int, headers: ResponseHeaders, path: str) -> None:
        opening = None
        if self._is_head or status in NO_CONTENT:
            self._protocol.response_empty(status, headers)
        else:
            _check_file(path)
            if self._opens_later:
                opening = next_opening(path)
            self._protocol.response_file(status, headers, path)
        self._sent = True
        self._finish()
        await opened(opening)

    def _finish(self) -> None:
        self.complete = True
        self._stream = None  # RSGI ends a streamed response when its transport is freed.
        self._request.finish()

    def end(self) -> None:
        """The app is done: end a stream where it is; 500 if nothing was sent."""
        self._stream = None
        if not self._sent:
            self._sent = True
            body = b"Internal Server Error"
            self._protocol.response_bytes(500, [("content-type", "text/plain; charset=utf-8")], body)


def checked_status(status: object) -> int:
    """The status, if a response may have it, else ``ValueError``: any other number makes Granian's worker
    process panic, and 100-199 the request fail."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ValueError(f"{status!r} is no HTTP response status from 200 to 999")
    return int(status)


def _headers(pairs: Iterable[tuple[Any, Any]], *, any_bytes: bool) -> ResponseHeaders:
    """As str, which is what RSGI takes."""
    headers: ResponseHeaders = []
    for raw_name, raw_value in pairs:
        name, value = _name(bytes(raw_name)), bytes(raw_value)
        if UNUSUAL.search(value):
            text = _unusual_value(name, value, any_bytes=any_bytes)
            if text is None:
                continue
        else:
            text = value.decode("ascii")
        if name != "transfer-encoding":  # The server's own business (ASGI HTTP, "Response Start").
            headers.append((name, text))
    return headers


def _unusual_value(name: str, value: bytes, *, any_bytes: bool) -> str | None:
    """RSGI sends a str as UTF-8: so bytes that are UTF-8 are sent as they are, and others keep at least the
    characters that most frameworks mean by them. None for what Granian cannot write: up to 2.5 it would end
    the request, later it silently drops the header."""
    if ILLEGAL_IN_VALUE.search(value):
        raise ValueError(f"header {name!r}: {value!r} cannot be sent: a newline or a zero byte")
    if any_bytes:
        return value.decode(errors="surrogateescape")
    if CONTROL.search(value):
        logger.warning("header %r left out: RSGI carries no control characters, its value is %r", name, value)
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        logger.warning("header %r sent as UTF-8: RSGI carries no other bytes, its value is %r", name, value)
        return value.decode("latin-1")


@functools.lru_cache(maxsize=256)
def _name(name: bytes) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"header {name!r} cannot be sent: illegal name")
    return name.decode("ascii").lower()


def _check_file(path: str) -> None:
    """Tell the app now of a file that cannot be sent: the server opens it later, and answers 404 if it
    cannot. ``O_NONBLOCK``, as opening a pipe would wait for its writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path!r} is no regular file")
    finally:
        os.close(descriptor)
