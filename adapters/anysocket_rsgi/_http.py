"""An ASGI app's HTTP side run over RSGI's HTTP protocol (RSGI 1.6, ASGI HTTP 2.3).

ASGI is a flow of messages, RSGI a set of calls: the request body is an async iterator, the response is
one call with the whole body or a stream. What RSGI cannot carry:

* backpressure: ``response_stream`` takes what it is given, so what a slow client has not read, of a file
  too, waits in memory (``http.response.pathsend`` is not offered: RSGI opens the file some time later, when
  the app may have removed it);
* a response cut short: an app that fails in mid-stream ends the response as if it were complete, unless
  it declared a content length, which the client then finds not kept;
* the path as sent: ``raw_path`` is rebuilt from the decoded one, so an encoded slash reads as a plain one;
* header values that are not ASCII: unreadable in requests, left out of responses with a warning.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from anysocket._headers import ILLEGAL_IN_VALUE, NAME
from anysocket_rsgi._scope import build_headers, parse_address

logger = logging.getLogger("anysocket")

ASGIMessage = dict[str, Any]
ASGIReceive = Callable[[], Awaitable[ASGIMessage]]
ASGISend = Callable[[ASGIMessage], Awaitable[None]]
ASGIApp = Callable[[dict[str, Any], ASGIReceive, ASGISend], Awaitable[None]]
ResponseHeaders = list[tuple[str, str]]

NO_CONTENT = (204, 304)
UNSENT_PATH = "/:@!$&'()*+,;=~"
"""What a client need not percent-encode in a path (RFC 3986 section 3.3)."""


class RSGIHTTPStream(Protocol):
    def send_bytes(self, data: bytes) -> Awaitable[object]: ...


class RSGIHTTPProtocol(Protocol):
    """What the RSGI specification gives an app for one HTTP request."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def client_disconnect(self) -> Awaitable[object]: ...
    def response_empty(self, status: int, headers: ResponseHeaders) -> None: ...
    def response_bytes(self, status: int, headers: ResponseHeaders, body: bytes) -> None: ...
    def response_stream(self, status: int, headers: ResponseHeaders) -> RSGIHTTPStream: ...


async def run_asgi_http(
    asgi_app: ASGIApp,
    scope: Any,
    protocol: RSGIHTTPProtocol,
    state: Mapping[str, Any] | None = None,
    root_path: str = "",
) -> None:
    """Serve one RSGI HTTP request with ``asgi_app``; never raises but for cancellation.

    ``state`` is the lifespan's, copied into the request's scope. An app that raises, or returns without
    a response, is answered with 500; one that fails later ends the response where it is. Both are logged.
    """
    asgi_scope = http_scope(scope, state, root_path)
    request = _RequestBody(protocol, asgi_scope["headers"])
    response = _Response(protocol, asgi_scope["method"])
    where = (asgi_scope["method"], asgi_scope["path"])
    try:
        await asgi_app(asgi_scope, request.receive, response.send)
        if not response.complete and not request.disconnected:
            logger.error("the ASGI app returned without completing the response to %s %s", *where)
    except Exception:
        logger.exception("exception in the ASGI app serving %s %s", *where)
    finally:
        request.release()
        response.end()


def http_scope(scope: Any, state: Mapping[str, Any] | None, root_path: str) -> dict[str, Any]:
    """The ASGI HTTP connection scope for an RSGI one. ``root_path`` is a prefix that a proxy removed."""
    path = root_path + scope.path
    return {
        "type": "http",
        # 2.3: a send after the client left is silent, and receive() tells of it at once.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": {"1": "1.0"}.get(scope.http_version, scope.http_version),
        "method": scope.method,
        "scheme": scope.scheme,
        "path": path,
        "raw_path": quote(path, safe=UNSENT_PATH).encode("ascii"),
        "query_string": scope.query_string.encode("latin-1", "replace"),
        "root_path": root_path,
        "headers": list(build_headers(scope)),
        "client": parse_address(scope.client),
        "server": parse_address(scope.server),
        "state": dict(state or {}),
        "extensions": {},
    }


class _RequestBody:
    """ASGI's ``receive``: the body chunk by chunk as it arrives, then the client's leaving.

    A receive that is cancelled loses nothing: what waits on the server is a task of ours, which the next
    receive finds. (Cancelling the server's own future would drop the chunk it was about to get.)
    """

    def __init__(self, protocol: RSGIHTTPProtocol, headers: list[tuple[bytes, bytes]]) -> None:
        self._protocol = protocol
        self._missing = _content_length(headers)
        self._may_have_trailers = any(name == b"trailer" for name, _ in headers)
        self._chunks: AsyncIterator[bytes] | None = None
        self._read = False
        self._cut = False
        self._lock = asyncio.Lock()
        self._chunk_task: asyncio.Task[bytes | None] | None = None
        self._disconnect_task: asyncio.Task[None] | None = None

    @property
    def disconnected(self) -> bool:
        return self._cut or (self._disconnect_task is not None and self._disconnect_task.done())

    async def receive(self) -> ASGIMessage:
        async with self._lock:
            if not self._read:
                if self._chunk_task is None:
                    self._chunk_task = _start(self._next_chunk())
                chunk = await asyncio.shield(self._chunk_task)
                self._chunk_task = None
                self._read, self._cut = not chunk, chunk is None
                if chunk is not None:
                    return {"type": "http.request", "body": chunk, "more_body": not self._read}
        if self._cut:  # Granian's client_disconnect() would wait for our response before it tells.
            return {"type": "http.disconnect"}
        if self._disconnect_task is None:
            self._disconnect_task = _start(self._client_disconnect())
        await asyncio.shield(self._disconnect_task)
        return {"type": "http.disconnect"}

    async def _next_chunk(self) -> bytes | None:
        """The next chunk, ``b""`` at the end of the body, None if the client left before it.

        Granian tells of a client that left like of an end; but either the content length is not reached,
        or one empty chunk more than usual came before the end.
        """
        if self._chunks is None:
            self._chunks = aiter(self._protocol)
        empty_chunks = 0
        with contextlib.suppress(StopAsyncIteration):
            while not (chunk := await anext(self._chunks)):
                empty_chunks += 1
            if self._missing is not None:
                self._missing -= len(chunk)
            return bytes(chunk)
        cut = bool(self._missing)
        if self._missing is None:
            cut = empty_chunks > 1 and not self._may_have_trailers
        return None if cut else b""

    async def _client_disconnect(self) -> None:
        await self._protocol.client_disconnect()

    def release(self) -> None:
        """The request is over: stop waiting for the client, who may send another one."""
        for task in (self._chunk_task, self._disconnect_task):
            if task is not None:
                task.cancel()


def _start(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    task = asyncio.get_running_loop().create_task(coroutine)
    task.add_done_callback(_look_at)
    return task


def _look_at(task: asyncio.Task[Any]) -> None:
    """A failure nobody waits for any more is of no interest: the request is over."""
    if not task.cancelled():
        task.exception()


def _content_length(headers: list[tuple[bytes, bytes]]) -> int | None:
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length) if length.isdigit() else None


class _Response:
    """ASGI's ``send``: the start is held back until it is known whether one call will do."""

    def __init__(self, protocol: RSGIHTTPProtocol, method: str) -> None:
        self._protocol = protocol
        self._is_head = method == "HEAD"
        self._start: tuple[int, ResponseHeaders] | None = None
        self._stream: RSGIHTTPStream | None = None
        self._sent = False
        self.complete = False

    async def send(self, message: ASGIMessage) -> None:
        kind = message["type"]
        if self.complete:
            raise RuntimeError(f"ASGI message {kind!r} after the response was complete")
        if kind == "http.response.start":
            if self._start is not None:
                raise RuntimeError("a second 'http.response.start': the response has begun already")
            self._start = _status(message["status"]), _headers(message.get("headers", ()))
        elif self._start is None:
            raise RuntimeError(f"ASGI message {kind!r} before 'http.response.start'")
        elif kind == "http.response.body":
            await self._send_body(*self._start, message)
        else:
            raise RuntimeError(f"ASGI message {kind!r} does not belong to an HTTP response")

    async def _send_body(self, status: int, headers: ResponseHeaders, message: ASGIMessage) -> None:
        body, more_body = bytes(message.get("body", b"")), message.get("more_body", False)
        if self._is_head or status in NO_CONTENT:
            if not self._sent:
                self._protocol.response_empty(status, headers)
        elif not self._sent and not more_body:
            self._protocol.response_bytes(status, headers, body)
        else:
            if not self._sent:
                self._stream = self._protocol.response_stream(status, headers)
            await self._stream_bytes(body)
        self._sent = True
        if not more_body:
            self.end()
            self.complete = True

    async def _stream_bytes(self, body: bytes) -> None:
        if body and self._stream is not None:
            try:
                await self._stream.send_bytes(body)
            except RuntimeError:  # RSGI's ProtocolClosed is one: the client left.
                self._stream = None

    def end(self) -> None:
        """Whatever happened, the client gets an end: the stream's, or 500 if nothing was sent."""
        self._stream = None  # RSGI ends a streamed response when its transport is freed.
        if not self._sent:
            self._sent = True
            body = b"Internal Server Error"
            self._protocol.response_bytes(500, [("content-type", "text/plain; charset=utf-8")], body)


def _status(status: object) -> int:
    """Any other number makes Granian's worker process panic (100-199: the request fail)."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise ValueError(f"{status!r} is no HTTP response status from 200 to 999")
    return int(status)


def _headers(pairs: Any) -> ResponseHeaders:
    """As str, which is what RSGI takes. Granian silently drops the headers that it cannot write."""
    headers: ResponseHeaders = []
    for name, value in pairs:
        name, value = bytes(name).lower(), bytes(value)
        if not NAME.fullmatch(name) or ILLEGAL_IN_VALUE.search(value):
            raise ValueError(f"header {name!r}: {value!r} cannot be sent: illegal name, newline or zero byte")
        if name == b"transfer-encoding":
            continue  # The server's own business (ASGI HTTP, "Response Start").
        if not value.isascii():
            logger.warning("header %r left out: RSGI carries ASCII only, its value is %r", name, value)
            continue
        headers.append((name.decode("latin-1"), value.decode("latin-1")))
    return headers
