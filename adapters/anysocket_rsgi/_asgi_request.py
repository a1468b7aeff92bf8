"""ASGI's ``receive`` for one HTTP request, on RSGI's body iterator and ``client_disconnect()``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Any, Protocol

from anysocket_rsgi._asgi_scope import ASGIMessage
from anysocket_rsgi._errors import FAILURES


class RSGIRequest(Protocol):
    """What the RSGI specification gives an app of a request."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def client_disconnect(self) -> Awaitable[object]: ...


class Request:
    """The body chunk by chunk, each taken from the server when the app asks for it, and then
    ``http.disconnect``: when the client has left, or when the response is complete.

    A receive that is cancelled loses nothing: the server's own future is kept, and the next receive finds
    what it brought. (Granian's, cancelled itself, drops the chunk it was about to get.) Any number of tasks
    may receive at once; they share the body.
    """

    __slots__ = (
        "_chunk",
        "_chunks",
        "_empty_tells",
        "_gone",
        "_headers",
        "_missing",
        "_over",
        "_protocol",
        "_read",
        "_told",
        "_turn",
        "_waiter",
        "_watch",
        "disconnected",
    )

    def __init__(
        self, protocol: RSGIRequest, headers: list[tuple[bytes, bytes]], *, empty_tells: bool
    ) -> None:
        self._protocol = protocol
        self._headers = headers
        self._empty_tells = empty_tells  # As Granian: see _next_message().
        self.disconnected = False
        """Whether the client was seen to leave before the response was complete."""
        self._over = False
        self._told = False
        # What follows is made when it is asked for: most apps never do.
        self._read = False
        self._turn: asyncio.Lock | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._chunk: Any = None
        self._waiter: asyncio.Future[None] | None = None
        self._missing: int | None = None
        self._watch: Any = None
        self._gone: asyncio.Future[None] | None = None

    async def receive(self) -> ASGIMessage:
        """``http.request`` or, from the end on, ``http.disconnect``. May be cancelled."""
        if not self._read:
            if self._turn is None:
                self._begin()
            assert self._turn is not None
            async with self._turn:
                message = None if self._read else await self._next_message()
            if message is not None:
                return message
        await self._wait_gone()
        return {"type": "http.disconnect"}

    def _begin(self) -> None:
        self._turn = asyncio.Lock()
        self._chunks = aiter(self._protocol)
        for name, value in self._headers:
            if name == b"content-length" and value.isdigit():
                self._missing = int(value)
            elif name == b"trailer":
                self._empty_tells = False

    async def _next_message(self) -> ASGIMessage | None:
        """The next piece of the body; None if the client left or the response was complete before it.

        Granian ends a body that the client cut like a whole one; but either the content length is not
        reached, or one empty chunk more than usual comes before the end (if there are no trailers).
        """
        empty_chunks = 0
        while self._missing != 0:
            chunk = await self._next_chunk()
            if self._over:
                return None
            if chunk:
                if self._missing is not None:
                    self._missing = max(0, self._missing - len(chunk))
                self._read = self._missing == 0
                return {"type": "http.request", "body": bytes(chunk), "more_body": not self._read}
            if chunk is None:
                break
            empty_chunks += 1
        self._read = True
        if self._missing or (self._missing is None and self._empty_tells and empty_chunks > 1):
            self._leave()  # Granian's client_disconnect() tells only after our response.
            return None
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _next_chunk(self) -> bytes | None:
        """What the server has next, None at the end."""
        assert self._chunks is not None
        try:
            if self._chunk is None:
                self._chunk = in_flight(anext(self._chunks))
            chunk = self._chunk
            if not chunk.done():
                self._waiter = asyncio.get_running_loop().create_future()
                chunk.add_done_callback(partial(_wake, self._waiter))
                await self._waiter
            if self._over:
                return None
            self._chunk = None
            data: bytes = chunk.result()
        except StopAsyncIteration:
            return None
        except FAILURES:
            self._missing = self._missing or 1
            return None
        return data

    async def _wait_gone(self) -> None:
        if self._over or self.disconnected:
            if self._told:
                await asyncio.sleep(0)  # Who asks again and again must not be alone in the process.
            self._told = True  # At once when first asked: frameworks look, and do not wait for it.
            return
        if self._gone is None:
            self._gone = asyncio.get_running_loop().create_future()
            self._watch = in_flight(self._protocol.client_disconnect())
            self._watch.add_done_callback(self._client_left)
        await asyncio.shield(self._gone)

    def _client_left(self, watch: Any) -> None:
        if watch is self._watch:
            self._leave()

    def _leave(self) -> None:
        self.disconnected = True
        _wake(self._gone)

    def lost(self) -> None:
        """The response cannot be sent any more: the client has left."""
        self._leave()

    def finish(self) -> None:
        """The response is complete, or the app is done: who receives is told, and nobody waits any more for
        the client, who may send another request. May be called again."""
        if not self._over:
            self._over = self._read = True
            watch, self._watch = self._watch, None
            for pending in (self._chunk, watch):
                if pending is not None:
                    pending.cancel()
            _wake(self._waiter)
            _wake(self._gone)


def _wake(waiter: asyncio.Future[None] | None, done: object = None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def in_flight(awaitable: Awaitable[Any]) -> Any:
    """The awaitable as a future with ``done``, ``result``, ``cancel`` and one callback: Granian's own, or
    else a task."""
    if hasattr(awaitable, "add_done_callback"):
        return awaitable
    task = asyncio.get_running_loop().create_task(_coroutine(awaitable))
    task.add_done_callback(partial(_look_at, awaitable))
    return task


async def _coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _look_at(awaitable: Any, task: asyncio.Task[Any]) -> None:
    """A failure that nobody waits for any more is of no interest: the request is over."""
    if not task.cancelled():
        task.exception()
    elif hasattr(awaitable, "close"):
        awaitable.close()  # Cancelled before its first step, it would complain that nobody awaited it.
