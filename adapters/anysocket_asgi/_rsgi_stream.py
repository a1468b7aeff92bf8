"""RSGI's stream transport: a response sent piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from functools import partial

from anysocket_asgi._in_order import InOrder
from anysocket_asgi._rsgi_body import RequestBody
from anysocket_asgi._transport import Send
from anysocket_rsgi._errors import ProtocolClosed


class Stream:
    """One streamed response: it lives on when the app has let go of its transport."""

    def __init__(self, send: Send, outgoing: InOrder, request: RequestBody, *, has_body: bool) -> None:
        self._send = send
        self._outgoing = outgoing
        self._request = request
        self._has_body = has_body
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._freed = asyncio.Event()

    async def send(self, chunk: bytes) -> None:
        if not self._has_body or self._request.disconnected:
            raise ProtocolClosed("nobody reads this response")
        if not chunk:
            return
        message = {"type": "http.response.body", "body": chunk, "more_body": True}
        try:
            await self._outgoing.send(partial(self._send, message))
        except OSError as error:
            self._request.disconnected = True
            raise ProtocolClosed("the client has left") from error
        # Most servers say nothing when they send to nobody: an endless stream would never hear of it.
        self._request.watch()

    def freed(self) -> None:
        """The app's transport object is gone; whatever thread collected it."""
        if threading.get_ident() == self._thread:
            self._end()
        else:
            with contextlib.suppress(RuntimeError):  # The loop is closed.
                self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._freed.set()
        self._outgoing.put(self._send_end)

    async def _send_end(self) -> None:
        with contextlib.suppress(OSError):
            await self._send({"type": "http.response.body"})

    @property
    def is_freed(self) -> bool:
        return self._freed.is_set()

    async def ended(self) -> None:
        """Wait until the transport object is freed, or the client has left."""
        if not self.is_freed:
            freed = self._loop.create_task(self._freed.wait())
            try:
                await asyncio.wait({freed, self._request.watch()}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                freed.cancel()


class StreamTransport:
    """What ``response_stream`` gives to the app. The response is complete when this object is freed."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def send_bytes(self, data: bytes) -> None:
        """Send a chunk of bytes; waits while the client is too slow. Raises ``ProtocolClosed`` when the
        client has left, and where there is no body to be sent (HEAD, 204, 304)."""
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"send_bytes() takes bytes, not {type(data).__name__}")
        await self._stream.send(bytes(data))

    async def send_str(self, data: str) -> None:
        """Send a chunk of text as UTF-8; as :meth:`send_bytes`."""
        if not isinstance(data, str):
            raise TypeError(f"send_str() takes str, not {type(data).__name__}")
        await self._stream.send(data.encode())

    def __del__(self) -> None:
        self._stream.freed()
