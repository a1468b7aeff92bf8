"""RSGI's two ways to read a request's body, and its notice of a client that leaves, over ASGI's receive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from anysocket_asgi._transport import Receive
from anysocket_rsgi._errors import ProtocolClosed, ProtocolError

Next = Callable[[], Awaitable[bytes | None]]

READ_AHEAD_BYTES = 1 << 16
"""How much of a body that nobody reads is taken from the server to learn whether the client is there."""


class RequestBody:
    """The events of one request: chunks of the body, then the client's end.

    ASGI tells of both by one ``receive``, RSGI by separate calls that may wait at the same time: whoever
    waits takes events off the server, one of them at a time, for all.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._complete = False
        self._taken = False
        self._dropped = False
        self.disconnected = False
        self._turn = asyncio.Lock()
        self._read_on = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def whole(self) -> bytes:
        """The whole body. ``ProtocolError`` for what was read before, ``ProtocolClosed`` if the client leaves
        before its end."""
        self._take()
        chunks: list[bytes] = []
        while (chunk := await self.next()) is not None:
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises as :meth:`whole`."""
        self._take()
        return Chunks(self.next)

    def watch(self) -> asyncio.Task[None]:
        """Look out for the client's end, of which :attr:`disconnected` tells; the task ends with it."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._wait_for_end())
        return self._watching

    def drop(self) -> None:
        """The app has returned. What it has not read is dropped, and what still comes: else the client's end,
        which is behind it, would not be heard of."""
        self._dropped = True
        self._chunks.clear()
        self._waiting_bytes = 0
        self._read_on.set()

    def release(self) -> None:
        """The request is over."""
        if self._watching is not None:
            self._watching.cancel()

    def _take(self) -> None:
        if self._taken:
            raise ProtocolError("the request's body was read already")
        self._taken = True

    async def next(self) -> bytes | None:
        """The next chunk; None at the end. Cancelled, it loses nothing, so long as the server's receive
        does not."""
        if self._dropped:
            raise ProtocolError("the app has returned: what it had not read of the request's body is dropped")
        while not self._chunks and not self._complete:
            if self.disconnected:
                raise ProtocolClosed("the client left before the end of its request's body")
            async with self._turn:
                if not (self._chunks or self._complete or self.disconnected):
                    self._arrived(await self._receive())
        if not self._chunks:
            return None
        chunk = self._chunks.popleft()
        self._waiting_bytes -= len(chunk)
        self._read_on.set()
        return chunk

    async def _wait_for_end(self) -> None:
        while not self.disconnected:
            if self._waiting_bytes >= READ_AHEAD_BYTES:
                self._read_on.clear()
                await self._read_on.wait()
            async with self._turn:
                if not self.disconnected:
                    self._arrived(await self._receive())

    def _arrived(self, event: Any) -> None:
        if event["type"] != "http.request":
            self.disconnected = True
            return
        chunk = event.get("body", b"")
        if chunk and not self._dropped:
            self._chunks.append(bytes(chunk))
            self._waiting_bytes += len(chunk)
        self._complete = not event.get("more_body", False)


class Chunks:
    """An async iterator. No generator, which would be at its end once a wait for it was cancelled."""

    def __init__(self, next_chunk: Next) -> None:
        self._next = next_chunk

    def __aiter__(self) -> Chunks:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._next()
        if chunk is None:
            raise StopAsyncIteration
        return chunk
