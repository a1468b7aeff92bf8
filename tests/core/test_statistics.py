"""What one connection has carried."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from anysocket import ConnectionStatistics, WebSocket, WebSocketManager
from core.fake_transport import FakeTransport, accepted, settle


def counted(websocket: WebSocket) -> dict[str, int]:
    """The counters that are not zero."""
    return {
        name: value
        for name, value in dataclasses.asdict(websocket.statistics).items()
        if isinstance(value, int) and value
    }


async def test_a_new_connection() -> None:
    begin = datetime.now(UTC)
    statistics = WebSocket(FakeTransport()).statistics
    assert begin - timedelta(seconds=1) < statistics.connected_at <= datetime.now(UTC)
    assert statistics == ConnectionStatistics(statistics.connected_at, 0, 0, 0, 0, 0, 0, 0, 0, None)
    with pytest.raises(AttributeError):
        statistics.bytes_sent = 1  # type: ignore[misc]


@pytest.mark.parametrize("way", ["coroutine", "cancel safe", "future"])
async def test_messages_and_their_bytes_each_way(way: str) -> None:
    """Text counts as UTF-8."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("é", b"\x00", "")
    for _ in range(3):
        await websocket.receive()
    await websocket.send_text("éé")
    await websocket.send_bytes(b"")
    assert counted(websocket) == {
        "messages_received": 3,
        "bytes_received": 3,
        "messages_sent": 2,
        "bytes_sent": 4,
    }


async def test_what_is_no_message_to_the_handler_is_not_counted() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=2)
    transport.arrive("fine"[:2], "too long", "after the end")
    await settle()
    assert counted(websocket) == {"messages_received": 1, "bytes_received": 2}


async def test_what_waits_and_what_is_dropped() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    manager = WebSocketManager(max_outbox_messages=2)
    manager.add_connection("ann", websocket)
    transport.hold_sends()
    for data in ("é", "bb", "c"):
        await manager.broadcast_to_all(data)
    sent = {"messages_sent": 1, "bytes_sent": 2}
    assert counted(websocket) == {**sent, "messages_queued": 2, "bytes_queued": 3}
    await manager.broadcast_to_all("dddd", policy="drop_newest")
    dropped = {"messages_dropped": 1, "bytes_dropped": 4}
    assert counted(websocket) == {**sent, **dropped, "messages_queued": 2, "bytes_queued": 3}
    transport.peer_is_lost()
    await settle()
    assert counted(websocket) == {**sent, "messages_dropped": 3, "bytes_dropped": 7}


async def test_a_broadcast_that_is_taken_at_once_is_sent() -> None:
    websocket = await accepted(FakeTransport())
    manager = WebSocketManager()
    manager.add_connection("ann", websocket)
    await manager.broadcast_to_all("é")
    assert counted(websocket) == {"messages_sent": 1, "bytes_sent": 2}


async def test_a_slow_consumer_loses_what_waited() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    manager = WebSocketManager(max_outbox_messages=1)
    manager.add_connection("ann", websocket)
    transport.hold_sends()
    for data in "abc":
        await manager.broadcast_to_all(data)
    assert websocket.closed
    assert counted(websocket) == {
        "messages_sent": 1,
        "bytes_sent": 1,
        "messages_dropped": 2,
        "bytes_dropped": 2,
    }
