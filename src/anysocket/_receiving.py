"""The receiving half of a WebSocket: one message, or all of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NoReturn, TypeVar

from anysocket._errors import ConnectionClosed, EndedBy
from anysocket._inbox import End, Inbox
from anysocket._message import Message


class ReceivingHalf:
    """What handlers read with; the half that sends and ends is in :class:`~anysocket.WebSocket`.

    One task at a time may receive, by whichever of these methods.
    """

    __slots__ = ()

    _inbox: Inbox

    def receive(self) -> Coroutine[Any, Any, Message]:
        """The next message: text, bytes, one ``close`` when the peer closes, one ``error`` above
        ``max_message_bytes``.

        Raises :class:`ConnectionClosed` when the peer was lost (code 1006) and after any end;
        :class:`WebSocketStateError` before ``accept()`` or while another task receives.
        Cancelling it loses nothing: the next call returns the message that was on its way.
        """
        return self._inbox.next(_deliver)

    def __aiter__(self) -> AsyncIterator[Message]:
        """Text and bytes messages until the peer closes; raises :class:`ConnectionClosed` if it was lost."""
        return self

    def __anext__(self) -> Coroutine[Any, Any, Message]:
        return self._inbox.next(_stop_iteration)

    async def _receive_data(self, wanted: str) -> str | bytes:
        message = await self.receive()
        if message.code is not None:
            by: EndedBy = "us" if message.type == "error" else "peer"
            raise ConnectionClosed(message.code, message.reason, by)
        if wanted not in (message.type, "json"):
            raise ValueError(
                f"expected a {wanted} message, the peer sent {message.type} of {len(message.data)}"
            )
        return message.data

    async def receive_text(self) -> str:
        """The next message, which must be text, else ``ValueError`` (and the connection goes on).
        Raises :class:`ConnectionClosed` at any end; see :meth:`receive`."""
        data = await self._receive_data("text")
        assert isinstance(data, str)
        return data

    async def receive_bytes(self) -> bytes:
        """The next message, which must be binary; as :meth:`receive_text`."""
        data = await self._receive_data("bytes")
        assert isinstance(data, bytes)
        return data

    async def receive_json(self) -> Any:
        """The next message parsed as JSON; ``ValueError`` if it is none (and the connection goes on)."""
        data = await self._receive_data("json")
        try:
            return json.loads(data)
        except RecursionError:
            raise ValueError("the JSON message is nested too deeply") from None

    async def iter_text(self) -> AsyncIterator[str]:
        """Text messages until the peer closes; see :meth:`__aiter__` and :meth:`receive_text`."""
        async for message in _until_close(self.receive_text):
            yield message

    async def iter_bytes(self) -> AsyncIterator[bytes]:
        """Binary messages until the peer closes."""
        async for message in _until_close(self.receive_bytes):
            yield message

    async def iter_json(self) -> AsyncIterator[Any]:
        """JSON messages until the peer closes."""
        async for message in _until_close(self.receive_json):
            yield message


def _deliver(end: End) -> Message:
    if isinstance(end, ConnectionClosed):
        raise end
    return end


def _stop_iteration(end: End) -> NoReturn:
    if isinstance(end, Message) and end.type == "error":
        raise ConnectionClosed(1009, end.reason, "us")
    if isinstance(end, ConnectionClosed) and is_failure(end):
        raise end
    raise StopAsyncIteration


def is_failure(closed: ConnectionClosed) -> bool:
    """Whether an iteration raises at this end, instead of just ending."""
    return closed.by == "lost" or (closed.by == "us" and closed.code == 1009)


Received = TypeVar("Received")


async def _until_close(receive: Callable[[], Awaitable[Received]]) -> AsyncIterator[Received]:
    while True:
        try:
            message = await receive()
        except ConnectionClosed as closed:
            if is_failure(closed):
                raise
            return
        yield message
