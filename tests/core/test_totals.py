"""What a manager tells of all its connections, those that have ended included."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import asdict
from typing import Any

import pytest

from anysocket import App, ManagerStatistics, WebSocket, WebSocketManager
from anysocket.testing import connect
from core.fake_transport import FakeTransport, accepted, settle

EMPTY = ManagerStatistics(
    connections=0,
    rooms={},
    messages_received=0,
    bytes_received=0,
    messages_sent=0,
    bytes_sent=0,
    messages_queued=0,
    bytes_queued=0,
    most_messages_queued=0,
    most_bytes_queued=0,
    messages_dropped=0,
    bytes_dropped=0,
    slow_consumers=0,
    closes={},
)


@pytest.fixture
def manager() -> WebSocketManager:
    return WebSocketManager()


async def add(manager: WebSocketManager, id: str) -> tuple[WebSocket, FakeTransport]:
    transport = FakeTransport()
    websocket = await accepted(transport)
    manager.add_connection(id, websocket)
    return websocket, transport


def differs(manager: WebSocketManager) -> dict[str, Any]:
    """The fields in which its statistics are not those of a new manager."""
    new = asdict(EMPTY)
    return {name: value for name, value in asdict(manager.stats()).items() if value != new[name]}


def test_a_new_manager(manager: WebSocketManager) -> None:
    assert manager.stats() == EMPTY
    with pytest.raises(AttributeError):
        manager.stats().connections = 1  # type: ignore[misc]  # It is frozen.


async def test_what_connections_carry_is_summed(manager: WebSocketManager) -> None:
    app = App()

    @app.websocket("/<room>")
    async def handler(websocket: WebSocket, room: str) -> None:
        await websocket.accept()
        manager.add_connection(websocket.id, websocket)
        manager.join_room(websocket.id, room)
        manager.join_room(websocket.id, "all")
        async for message in websocket:
            await manager.broadcast_to_room(room, message.data)

    async with connect(app, "/a") as ann, connect(app, "/a") as bob, connect(app, "/b"):
        await ann.send_text("grüße")
        assert await ann.receive_text() == await bob.receive_text() == "grüße"
        here = {"connections": 3, "rooms": {"a": 2, "b": 1, "all": 3}}
        carried = {"messages_received": 1, "bytes_received": 7, "messages_sent": 2, "bytes_sent": 14}
        assert differs(manager) == {**here, **carried}
    assert differs(manager) == {**carried, "closes": {1000: 3}}


async def test_it_is_ready_for_json(manager: WebSocketManager) -> None:
    await add(manager, "me")
    manager.join_room("me", "<room>")
    assert json.loads(json.dumps(asdict(manager.stats())))["rooms"] == {"<room>": 1}


async def test_queues_are_those_of_now_and_the_longest_is_told(manager: WebSocketManager) -> None:
    (_, quick), (_, slow), (_, slower) = [await add(manager, id) for id in ("quick", "slow", "slower")]
    slow.hold_sends()
    slower.hold_sends()
    await manager.broadcast_to_all("under way")  # With the server, which makes it wait.
    await manager.broadcast_to_all("waits")
    await manager.send_to("slower", "waits, too")
    queues = differs(manager)
    assert (queues["messages_queued"], queues["bytes_queued"]) == (3, 20)
    assert (queues["most_messages_queued"], queues["most_bytes_queued"]) == (2, 15)
    slow.let_sends_go()
    slower.let_sends_go()
    await settle()
    assert "messages_queued" not in differs(manager)
    assert differs(manager)["messages_sent"] == 7
    assert quick.sent == ["under way", "waits"]


async def test_slow_consumers_and_what_they_missed(manager: WebSocketManager) -> None:
    _, slow = await add(manager, "slow")
    slow.hold_sends()
    for _ in range(5):
        await manager.broadcast_to_all(b"x" * (1 << 19))
    assert not manager.connections
    ended = differs(manager)
    assert (ended["slow_consumers"], ended["closes"]) == (1, {1013: 1})
    assert ended["messages_dropped"] >= 3 and ended["bytes_dropped"] >= 3 << 19
    websocket, _ = await add(manager, "tired")
    await websocket.close(1013, "try again later")
    assert differs(manager)["slow_consumers"] == 1  # What a handler says is none of it.
    assert differs(manager)["closes"] == {1013: 2}
    slow.let_sends_go()


async def test_ends_by_code(manager: WebSocketManager) -> None:
    (_, lost), (_, closed), (mine, _) = [await add(manager, id) for id in "abc"]
    lost.peer_is_lost()
    closed.peer_closes(4000, "bye")
    await settle()
    await mine.close(1000)
    assert manager.stats().closes == {1006: 1, 4000: 1, 1000: 1}


async def test_one_that_is_removed_alive_has_not_ended_and_counts_once_when_it_is_back(
    manager: WebSocketManager,
) -> None:
    websocket, _ = await add(manager, "me")
    await websocket.send_text("one")
    manager.remove_connection("me")
    assert differs(manager) == {"messages_sent": 1, "bytes_sent": 3}
    await websocket.send_text("while away")
    manager.add_connection("again", websocket)
    await websocket.send_text("two")
    assert differs(manager) == {"connections": 1, "messages_sent": 2, "bytes_sent": 6}


async def test_what_it_carried_before_it_was_added_does_not_count(manager: WebSocketManager) -> None:
    websocket = await accepted(FakeTransport())
    await websocket.send_text("before")
    manager.add_connection("me", websocket)
    assert differs(manager) == {"connections": 1}


async def test_what_is_flushed_by_a_close_counts_as_sent(manager: WebSocketManager) -> None:
    websocket, transport = await add(manager, "me")
    transport.hold_sends()
    for text in ("under way", "waits"):
        await manager.broadcast_to_all(text)
    websocket._begin_close(1000, "")
    assert differs(manager) == {"messages_sent": 1, "bytes_sent": 9, "closes": {1000: 1}}
    transport.let_sends_go()
    await settle()
    assert transport.sent == ["under way", "waits"]
    flushed = {"messages_sent": 2, "bytes_sent": 14, "closes": {1000: 1}}
    assert differs(manager) == flushed
    transport.peer_closes()
    await settle()
    assert differs(manager) == flushed
    reference = weakref.ref(websocket)
    del websocket, transport
    gc.collect()
    assert reference() is None
    assert differs(manager) == flushed
