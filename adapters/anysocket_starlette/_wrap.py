"""A live WebSocket of Starlette or FastAPI as an anysocket one, for rooms."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from anysocket._errors import ConnectionClosed, WebSocketStateError
from anysocket._transport import RawHeaders
from anysocket._websocket import WebSocket
from anysocket_asgi import ASGITransport
from anysocket_asgi._profiles import find_profile
from anysocket_asgi._scope import build_scope

LOST = {"type": "websocket.disconnect", "code": 1006}
"""An end that the server has not told of."""


def wrap(websocket: StarletteWebSocket, id: str | None = None) -> WebSocket:
    """An accepted WebSocket of Starlette or FastAPI as an anysocket one, to be put into rooms.

    ::

        @fastapi_app.websocket("/rooms/{room}")
        async def endpoint(websocket: fastapi.WebSocket, room: str, user: str):
            await websocket.accept()
            manager.add_connection(user, wrap(websocket))
            manager.join_room(user, room)
            async for text in websocket.iter_text():
                await manager.broadcast_to_room(room, text)

    The endpoint goes on receiving on its own object, and must, for that is how the peer's end is
    noticed. The wrapped one sends, closes and tells of the end; it takes no message: its ``receive()``
    waits for the end. It ends when the endpoint has seen the disconnect, has closed or has returned, or
    when a send fails. What each of them sends is delivered in the order of its calls.

    Call it in the task of the endpoint. ``id`` becomes the result's ``id``; without it a random one.

    Raises :class:`~anysocket.WebSocketStateError` before ``accept()`` and
    :class:`~anysocket.ConnectionClosed` when the connection has ended already.
    """
    if WebSocketState.DISCONNECTED in (websocket.client_state, websocket.application_state):
        raise ConnectionClosed(1006, "it had ended before it was wrapped", "lost")
    if websocket.application_state is not WebSocketState.CONNECTED:
        raise WebSocketStateError("accept() the Starlette WebSocket before you wrap() it")
    wrapped = WebSocket(_SharedTransport(websocket))
    if id is not None:
        wrapped.id = id
    # Nothing in this accept() waits, so one step runs it to its end.
    with contextlib.suppress(StopIteration):
        wrapped.accept().send(None)
    return wrapped


class _SharedTransport(ASGITransport):
    """The port on a Starlette WebSocket that somebody else receives on: of what arrives, the end only.

    It watches the object's ``receive`` and ``send``, which all of Starlette's other methods call, as
    Starlette tells of an end to nobody but their caller.
    """

    failures = (*ASGITransport.failures, WebSocketDisconnect)

    def __init__(self, websocket: StarletteWebSocket) -> None:
        scope = build_scope(websocket.scope, {})
        scope.path_params = dict(websocket.path_params)
        self._sent, self._received = websocket.send, websocket.receive
        super().__init__(
            scope, self._disconnect, self._sent, find_profile(websocket.scope, websocket._send), denial=False
        )
        self._end_event: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._server_receive = websocket._receive  # pyright: ignore[reportPrivateUsage]
        self._server_receiving: Any = None
        self._closed_by_us: dict[str, Any] | None = None
        self._close_sent = asyncio.Event()
        vars(websocket).update(
            send=self._watched_send, receive=self._watched_receive, _receive=self._cancellable_receive
        )
        endpoint = asyncio.current_task()
        assert endpoint is not None
        endpoint.add_done_callback(lambda _: self._ended(LOST))

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        """Nothing to do: the endpoint has accepted."""

    async def close(self, code: int, reason: str) -> None:
        # Granian's close waits for ever while its receive is pending, and that is a future of its own.
        if hasattr(self._server_receiving, "cancel"):
            self._closed_by_us = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._server_receiving.cancel()
        try:
            await super().close(code, reason)
        finally:
            self._close_sent.set()

    async def _disconnect(self) -> Any:
        return await self._end_event

    def _ended(self, event: Any) -> None:
        if not self._end_event.done():
            self._end_event.set_result(event)

    async def _watched_send(self, message: Any) -> None:
        try:
            await self._sent(message)
        except self.failures:
            self._ended(LOST)
            raise
        if message["type"] == "websocket.close":
            self._ended(LOST)

    async def _watched_receive(self) -> Any:
        try:
            message = await self._received()
        except asyncio.CancelledError:
            if self._closed_by_us is None or _is_cancelled(asyncio.current_task()):
                raise
            await self._close_sent.wait()  # An endpoint that returned before would close without the code.
            message = self._closed_by_us
        except self.failures:
            self._ended(LOST)
            raise
        if message["type"] == "websocket.disconnect":
            self._ended(message)
        return message

    def _cancellable_receive(self) -> Any:
        self._server_receiving = self._server_receive()
        return self._server_receiving


def _is_cancelled(task: asyncio.Task[Any] | None) -> bool:
    return task is not None and task.cancelling() > 0
