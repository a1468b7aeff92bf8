"""What a manager tells of its connections and rooms."""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import Any

import pytest

from anysocket import WebSocketManager
from core.fake_transport import settle
from core.members import add


@pytest.fixture
def manager() -> WebSocketManager:
    return WebSocketManager()


def listen(manager: WebSocketManager) -> list[str]:
    """What plain functions hear."""
    heard: list[str] = []

    @manager.on_connect
    def connected(id: str) -> None:
        heard.append(f"{id} connects, known: {id in manager.connections}")

    @manager.on_disconnect
    def disconnected(id: str) -> None:
        heard.append(f"{id} disconnects, known: {id in manager.connections}")

    @manager.on_join
    def joined(id: str, room: str) -> None:
        heard.append(f"{id} joins {room} of {len(manager.get_room_connections(room))}")

    @manager.on_leave
    def left(id: str, room: str) -> None:
        heard.append(f"{id} leaves {room} of {len(manager.get_room_connections(room))}")

    assert all(callable(callback) for callback in (connected, disconnected, joined, left))
    return heard


async def test_each_event_is_told_once_when_it_has_happened(manager: WebSocketManager) -> None:
    heard = listen(manager)
    transport = await add(manager, "ann", "a", "a", "b")
    manager.add_connection("ann", manager.connections["ann"])
    for _ in range(2):
        manager.leave_room("ann", "b")
    transport.peer_is_lost()
    await settle()
    manager.remove_connection("ann")
    assert heard == [
        "ann connects, known: True",
        "ann joins a of 1",
        "ann joins b of 1",
        "ann leaves b of 0",
        "ann leaves a of 0",
        "ann disconnects, known: False",
    ]


async def test_removing_is_a_disconnect_though_the_socket_stays_open(manager: WebSocketManager) -> None:
    heard = listen(manager)
    await add(manager, "ann", "a")
    manager.remove_connection("ann")
    assert heard[-2:] == ["ann leaves a of 0", "ann disconnects, known: False"]


async def test_coroutines_of_one_connection_run_in_order_and_delay_nobody(manager: WebSocketManager) -> None:
    heard: list[str] = []
    go_on = asyncio.Event()

    @manager.on_connect
    async def slowly(id: str) -> None:
        if id == "ann":
            await go_on.wait()
        heard.append(f"{id} connects")

    @manager.on_join
    async def joined(id: str, room: str) -> None:
        heard.append(f"{id} joins {room}")

    @manager.on_leave
    async def left(id: str, room: str) -> None:
        heard.append(f"{id} leaves {room}")

    @manager.on_disconnect
    async def disconnected(id: str) -> None:
        heard.append(f"{id} disconnects")

    await add(manager, "ann", "a")
    await add(manager, "bob", "a")
    manager.remove_connection("ann")
    await settle()
    assert heard == ["bob connects", "bob joins a"]
    go_on.set()
    await settle()
    assert heard[2:] == ["ann connects", "ann joins a", "ann leaves a", "ann disconnects"]
    manager.remove_connection("bob")
    await settle()
    assert not manager._events._tasks and not manager._events._steps


async def test_a_callback_that_fails_is_logged_by_its_name_and_harms_nobody(
    manager: WebSocketManager, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    @manager.on_join
    def broken_function(id: str, room: str) -> None:
        raise ValueError(room)

    @manager.on_join
    async def broken_coroutine(id: str, room: str) -> None:
        raise LookupError(room)

    @manager.on_join
    async def fine(id: str, room: str) -> None:
        heard.append(room)

    await add(manager, "ann", "a", "b")
    await settle()
    assert heard == ["a", "b"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 4
    assert sum("broken_function failed on connection 'ann'" in text for text in caplog.messages) == 2
    assert sum("broken_coroutine failed on connection 'ann'" in text for text in caplog.messages) == 2


async def test_any_callable_will_do(manager: WebSocketManager, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    manager.on_connect(heard.append)
    manager.on_connect(functools.partial(lambda number, id: heard.append(f"{id} {number}"), 7))
    nameless: Any = functools.partial(int, base=8)
    manager.on_connect(nameless)  # It fails, as an id is no number.
    await add(manager, "ann")
    assert heard == ["ann", "ann 7"]
    assert "functools.partial" in caplog.messages[0]


async def test_a_callback_may_use_the_manager(manager: WebSocketManager) -> None:
    """Such as one that tells a room who has left."""
    ann, bob = await add(manager, "ann", "a"), await add(manager, "bob", "a")

    @manager.on_leave
    async def tell(id: str, room: str) -> None:
        await manager.broadcast_to_room(room, f"{id} has left")

    @manager.on_leave
    def follow(id: str, room: str) -> None:
        manager.remove_connection(id)

    ann.peer_closes()
    await settle()
    assert bob.sent == ["ann has left"]


async def test_callbacks_still_to_run_end_with_their_task(manager: WebSocketManager) -> None:
    @manager.on_connect
    async def hang(id: str) -> None:
        await asyncio.Event().wait()

    @manager.on_join
    async def never(id: str, room: str) -> None:
        raise AssertionError("it has been cancelled")

    await add(manager, "ann", "a")
    await settle()
    (task,) = manager._events._tasks
    task.cancel()
    await settle()
    assert not manager._events._tasks and not manager._events._steps
