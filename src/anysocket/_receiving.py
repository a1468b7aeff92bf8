"""The receiving half of a WebSocket: one message, or all of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from anysocket._errors import ConnectionClosed, EndedBy
from anysocket._inbox import End, Inbox, is_failure
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
        return self._inbox  # Straight: a call in between costs each message.

    def __anext__(self) -> Coroutine[Any, Any, Message]:
        return self._inbox.__anext__()

    async def _receive_data(self, wanted: str) -> Any:
        message = await self._inbox.next(_deliver)
        if message.code is not None:
            by: EndedBy = "us" if message.type == "error" else "peer"
            raise ConnectionClosed(message.code, message.reason, by)
        if wanted != message.type and wanted != "json":
            raise ValueError(
                f"expected a {wanted} message, the peer sent {message.type} of {len(message.data)}"
            )
        return message.data

    def receive_text(self) -> Coroutine[Any, Any, str]:
        """The next message, which must be text, else ``ValueError`` (and the connection goes on).
        Raises :class:`ConnectionClosed` at any end; see :meth:`receive`."""
        return self._receive_data("text")

    def receive_bytes(self) -> Coroutine[Any, Any, bytes]:
        """The next message, which must be binary; as :meth:`receive_text`."""
        return self._receive_data("bytes")

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
