"""``wrap()`` and ``websocket_endpoint()`` at their edges, on a scripted ASGI connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect

from anysocket import Capability, ConnectionClosed, Message, WebSocketManager, WebSocketStateError
from anysocket_starlette import websocket_endpoint, wrap

SCOPE = {
    "type": "websocket",
    "asgi": {"spec_version": "2.4"},
    "path": "/x/a",
    "headers": [],
    "path_params": {"room": "a"},
}
ACCEPT: dict[str, Any] = {"type": "websocket.accept", "subprotocol": None, "headers": []}
Connection = tuple[StarletteWebSocket, asyncio.Queue[Any], list[Any]]


def connection(fail: Callable[[Any], bool] = lambda message: False) -> Connection:
    """A Starlette WebSocket, what it will receive, and what was sent on it."""
    arriving: asyncio.Queue[Any] = asyncio.Queue()
    arriving.put_nowait({"type": "websocket.connect"})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if fail(message):
            raise OSError("gone")
        sent.append(message)

    return StarletteWebSocket(dict(SCOPE), arriving.get, send), arriving, sent


async def test_wrapped_socket_sends_and_never_receives() -> None:
    websocket, arriving, sent = connection()
    await websocket.accept()
    wrapped = wrap(websocket, id="ann")
    assert (wrapped.id, wrapped.path_params, wrapped.closed) == ("ann", {"room": "a"}, False)
    await wrapped.send_text("text")
    await wrapped.send_bytes(b"")
    await wrapped.send_json([1])
    assert [message.get("text", message.get("bytes")) for message in sent[1:]] == ["text", b"", "[1]"]
    arriving.put_nowait({"type": "websocket.receive", "text": "for Starlette"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wrapped.receive(), 0.01)
    assert await websocket.receive_text() == "for Starlette"


@pytest.mark.parametrize(
    ("code", "told"),
    [(4000, Message("close", "bye", 4000, "bye")), (None, Message("close", "bye", 1005, "bye"))],
)
async def test_disconnect_seen_by_starlette_ends_the_wrapped_socket(code: int | None, told: Message) -> None:
    websocket, arriving, _ = connection()
    await websocket.accept()
    wrapped = wrap(websocket)
    arriving.put_nowait({"type": "websocket.disconnect", "code": code, "reason": "bye"})
    with pytest.raises(WebSocketDisconnect):
        await websocket.receive_text()
    assert await asyncio.wait_for(wrapped.receive(), 5) == told
    with pytest.raises(ConnectionClosed):
        await wrapped.send_text("late")
    with pytest.raises(RuntimeError):
        await websocket.receive()  # Starlette's answer, as ever.


@pytest.mark.parametrize("how", ["lost", "send fails", "wrapped send fails", "close", "task"])
async def test_other_ends(how: str) -> None:
    manager = WebSocketManager()
    websocket, arriving, _ = connection(lambda message: how.endswith("fails") and "text" in message)

    async def endpoint() -> None:
        await websocket.accept()
        manager.add_connection("ann", wrap(websocket))
        manager.join_room("ann", "room")
        if how == "lost":
            arriving.put_nowait({"type": "websocket.disconnect", "code": 1006})
            await websocket.receive()
        elif how == "send fails":
            with pytest.raises(WebSocketDisconnect):
                await websocket.send_text("x")
        elif how == "wrapped send fails":
            await manager.broadcast_to_room("room", "x")
        elif how == "close":
            await websocket.close(4000)
        if how != "task":
            await gone()

    async def gone() -> None:
        async with asyncio.timeout(5):
            while manager.rooms:
                await asyncio.sleep(0)

    await asyncio.create_task(endpoint())
    await gone()
    assert not manager.connections


async def test_wrapped_close_reaches_the_peer_and_may_be_repeated() -> None:
    websocket, arriving, sent = connection()
    await websocket.accept()
    wrapped = wrap(websocket)
    await wrapped.close(4001, "bye")
    await wrapped.close()
    assert sent == [ACCEPT, {"type": "websocket.close", "code": 4001, "reason": "bye"}]
    arriving.put_nowait({"type": "websocket.disconnect", "code": 4001})
    await websocket.receive()
    await asyncio.wait_for(wrapped.wait_closed(), 5)


async def test_close_after_the_peer_is_gone_is_quiet() -> None:
    websocket, _, _ = connection(lambda message: message["type"] == "websocket.close")
    await websocket.accept()
    wrapped = wrap(websocket)
    await wrapped.close()
    with pytest.raises(ConnectionClosed):
        await wrapped.send_text("late")


async def test_a_receive_that_must_end_before_a_close_can_be_sent() -> None:
    """Granian: its close waits for the pending receive, which is a future that can be cancelled."""
    pending: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    receives = [{"type": "websocket.connect"}]
    sent: list[Any] = []

    def receive() -> Any:
        if not receives:
            return pending
        connect = asyncio.get_running_loop().create_future()
        connect.set_result(receives.pop())
        return connect

    async def send(message: Any) -> None:
        if message["type"] == "websocket.close":
            await asyncio.wait([pending])
            await asyncio.sleep(0)
            assert not receiving.done(), "the endpoint may return only when the close is sent"
        sent.append(message)

    websocket = StarletteWebSocket(dict(SCOPE), receive, send)
    await websocket.accept()
    wrapped = wrap(websocket)
    receiving = asyncio.create_task(websocket.receive_text())
    await asyncio.sleep(0)
    await asyncio.wait_for(wrapped.close(4001, "bye"), 5)
    with pytest.raises(WebSocketDisconnect) as disconnect:
        await receiving
    assert (disconnect.value.code, sent[-1]["code"]) == (4001, 4001)


async def test_a_cancelled_endpoint_is_cancelled() -> None:
    websocket, _, _ = connection()
    await websocket.accept()
    wrap(websocket)
    receiving = asyncio.create_task(websocket.receive_text())
    await asyncio.sleep(0)
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving


async def test_wrap_needs_a_live_connection() -> None:
    websocket, arriving, _ = connection()
    with pytest.raises(WebSocketStateError, match="accept"):
        wrap(websocket)
    await websocket.accept()
    arriving.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await websocket.receive()
    with pytest.raises(ConnectionClosed):
        wrap(websocket)


async def test_endpoint_of_a_peer_that_left_at_once() -> None:
    called: list[object] = []

    async def handler(websocket: object) -> None:
        called.append(websocket)

    websocket, arriving, sent = connection()
    arriving.get_nowait()
    arriving.put_nowait({"type": "websocket.disconnect", "code": 1006})
    await websocket_endpoint(handler)(websocket)
    assert (called, sent) == ([], [])


async def test_endpoint_keeps_the_handlers_name_and_docstring() -> None:
    async def handler(websocket: object, room: str) -> None:
        """What it does."""

    endpoint = websocket_endpoint(handler)
    assert (endpoint.__name__, endpoint.__doc__) == (handler.__qualname__, "What it does.")


async def test_the_server_is_found_behind_middleware() -> None:
    class Server:
        __module__ = "daphne.server"

        async def send(self, message: object) -> None: ...

    def middleware(send: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def watched(message: object) -> None:
            await send(message)

        return watched

    for send in (Server().send, middleware(middleware(Server().send))):
        websocket = StarletteWebSocket(dict(SCOPE), connection()[1].get, send)
        await websocket.accept()
        assert Capability.PING in wrap(websocket).capabilities
