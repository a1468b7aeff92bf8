"""Rooms (contract 6.1 to 6.3 and 6.6)."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anysocket import App, ConnectionClosed, WebSocket, WebSocketManager
from core.fake_transport import FakeTransport, accepted, settle, soon
from core.members import add, is_empty


@pytest.fixture
def manager() -> WebSocketManager:
    return WebSocketManager()


# -- ids --


async def test_a_connection_is_known_until_it_is_removed(manager: WebSocketManager) -> None:
    websocket = await accepted(FakeTransport())
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, "a")
    assert dict(manager.connections) == {websocket.id: websocket}
    manager.remove_connection(websocket.id)
    assert not manager.connections and not manager.rooms
    await websocket.send_text("it stays open")


async def test_removing_can_be_repeated_and_an_unknown_id_is_fine(manager: WebSocketManager) -> None:
    """Contract 6.1."""
    await add(manager, "ann", "a")
    for _ in range(3):
        manager.remove_connection("ann")
    manager.remove_connection("nobody")
    manager.leave_room("nobody", "a")
    manager.leave_room("nobody", "nowhere")
    assert not manager.connections and not manager.rooms


async def test_a_second_socket_under_a_live_id_is_refused(manager: WebSocketManager) -> None:
    """Contract 6.1; the same socket again is fine, and keeps its rooms."""
    websocket = await accepted(FakeTransport())
    manager.add_connection("ann", websocket)
    manager.join_room("ann", "a")
    manager.add_connection("ann", websocket)
    other = await accepted(FakeTransport())
    with pytest.raises(ValueError, match="'ann' is taken by another live socket"):
        manager.add_connection("ann", other)
    assert manager.connections["ann"] is websocket
    assert manager.get_connection_rooms("ann") == {"a"}


async def test_an_id_is_free_again_when_its_socket_has_ended(manager: WebSocketManager) -> None:
    first = await add(manager, "ann", "a")
    first.peer_is_lost()
    await settle()
    await add(manager, "ann")
    assert manager.get_connection_rooms("ann") == set()


async def test_a_removed_socket_does_not_take_its_successor_along(manager: WebSocketManager) -> None:
    first = await add(manager, "ann")
    manager.remove_connection("ann")
    await add(manager, "ann", "a")
    first.peer_is_lost()
    await settle()
    assert manager.get_room_connections("a") == {"ann"}


async def test_a_socket_that_has_ended_cannot_be_added(manager: WebSocketManager) -> None:
    websocket = await accepted(FakeTransport())
    await websocket.close(4001, "bye")
    with pytest.raises(ConnectionClosed) as closed:
        manager.add_connection("ann", websocket)
    assert (closed.value.code, closed.value.by) == (4001, "us")
    assert is_empty(manager)


@pytest.mark.parametrize("id", ["", None, 7, b"ann"])
async def test_an_id_is_a_string_that_is_not_empty(manager: WebSocketManager, id: Any) -> None:
    with pytest.raises(ValueError, match="non-empty str"):
        manager.add_connection(id, await accepted(FakeTransport()))


async def test_a_socket_may_have_two_ids_and_two_managers(manager: WebSocketManager) -> None:
    other = WebSocketManager()
    transport = FakeTransport()
    websocket = await accepted(transport)
    for book, id in [(manager, "ann"), (manager, "bob"), (other, "ann")]:
        book.add_connection(id, websocket)
        book.join_room(id, "a")
    assert await manager.broadcast_to_room("a", "twice") == 2
    assert await other.broadcast_to_all("once") == 1
    assert transport.sent == ["twice", "twice", "once"]
    manager.remove_connection("bob")
    transport.peer_is_lost()
    await settle()
    assert not manager.connections and not manager.rooms
    assert not other.connections and not other.rooms


# -- the end of a member --

Ending = Callable[[FakeTransport, WebSocket], Awaitable[None]]


async def peer_closes(transport: FakeTransport, websocket: WebSocket) -> None:
    transport.peer_closes(4001, "bye")


async def peer_is_lost(transport: FakeTransport, websocket: WebSocket) -> None:
    transport.peer_is_lost()


async def we_close(transport: FakeTransport, websocket: WebSocket) -> None:
    await websocket.close()


async def server_fails(transport: FakeTransport, websocket: WebSocket) -> None:
    transport.arrive(KeyError("a bug of the server"))


async def a_send_fails(transport: FakeTransport, websocket: WebSocket) -> None:
    transport.send_fails_with = BrokenPipeError()
    with pytest.raises(ConnectionClosed):
        await websocket.send_text("anybody?")


async def too_big(transport: FakeTransport, websocket: WebSocket) -> None:
    transport.arrive(b"x" * (1 << 20) + b"x")


@pytest.mark.parametrize("end", [peer_closes, peer_is_lost, we_close, server_fails, a_send_fails, too_big])
async def test_whatever_ends_a_connection_takes_it_out_of_every_room(
    manager: WebSocketManager, end: Ending
) -> None:
    """Contract 6.1: by itself, and an empty room is gone."""
    transport = await add(manager, "ann", "a", "b")
    await add(manager, "bob", "b")
    await end(transport, manager.connections["ann"])
    await settle()
    assert list(manager.connections) == ["bob"]
    assert dict(manager.rooms) == {"b": {"bob"}}
    assert manager.get_connection_rooms("ann") == set()


async def test_a_refused_handshake_is_an_end(manager: WebSocketManager) -> None:
    websocket = WebSocket(FakeTransport())
    manager.add_connection("ann", websocket)
    await websocket.deny(403)
    assert not manager.connections


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_handler_that_ends_takes_its_connection_out(manager: WebSocketManager, accepts: bool) -> None:
    app = App()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        manager.add_connection("ann", websocket)
        if accepts:
            await websocket.accept()
        manager.join_room("ann", "a")
        raise ValueError

    await app.serve(FakeTransport())
    assert not manager.connections and not manager.rooms


async def test_joining_after_the_end_raises_that_end(manager: WebSocketManager) -> None:
    """A handler that was overtaken by its peer's end is told so, not that its id is wrong."""
    transport = await add(manager, "ann")
    websocket = manager.connections["ann"]
    transport.peer_closes(4001, "bye")
    await settle()
    with pytest.raises(ConnectionClosed) as closed:
        manager.join_room("ann", "a")
    assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "peer")
    assert websocket.closed
    assert not manager.rooms


# -- rooms --


@pytest.mark.parametrize("id", ["nobody", ""])
async def test_an_unknown_id_cannot_join(manager: WebSocketManager, id: str) -> None:
    """Contract 6.2."""
    with pytest.raises(LookupError, match="add_connection"):
        manager.join_room(id, "a")
    assert is_empty(manager)


async def test_a_removed_id_cannot_join_either(manager: WebSocketManager) -> None:
    websocket = await accepted(FakeTransport())
    manager.add_connection("ann", websocket)
    manager.remove_connection("ann")
    with pytest.raises(LookupError):
        manager.join_room("ann", "a")


@pytest.mark.parametrize("room", ["a", "r" * 255, " ", "名" * 255, "a/b#c\n"])
async def test_any_short_string_names_a_room(manager: WebSocketManager, room: str) -> None:
    """Contract 6.2."""
    transport = await add(manager, "ann", room)
    assert await manager.broadcast_to_room(room, "hello") == 1
    assert transport.sent == ["hello"]


@pytest.mark.parametrize("room", ["", "r" * 256, None, 7, b"a"])
async def test_nothing_else_does(manager: WebSocketManager, room: Any) -> None:
    await add(manager, "ann")
    with pytest.raises(ValueError, match="1 to 255 characters"):
        manager.join_room("ann", room)
    assert not manager.rooms


async def test_joining_and_leaving_can_be_repeated(manager: WebSocketManager) -> None:
    transport = await add(manager, "ann", "a", "a", "b")
    assert await manager.broadcast_to_room("a", "once") == 1
    assert transport.sent == ["once"]
    for _ in range(2):
        manager.leave_room("ann", "a")
    assert manager.get_connection_rooms("ann") == {"b"}
    assert dict(manager.rooms) == {"b": {"ann"}}


async def test_who_is_where(manager: WebSocketManager) -> None:
    await add(manager, "ann", "a", "b")
    await add(manager, "bob", "b")
    assert manager.get_room_connections("b") == {"ann", "bob"}
    assert manager.get_connection_rooms("ann") == {"a", "b"}
    assert manager.get_room_connections("nowhere") == set()
    assert manager.get_connection_rooms("nobody") == set()


async def test_answers_are_copies_and_views_cannot_be_written_to(manager: WebSocketManager) -> None:
    await add(manager, "ann", "a")
    manager.get_room_connections("a").clear()
    manager.get_connection_rooms("ann").clear()
    assert manager.get_room_connections("a") == {"ann"}
    assert manager.get_connection_rooms("ann") == {"a"}
    connections: Any = manager.connections
    rooms: Any = manager.rooms
    with pytest.raises(TypeError):
        connections["bob"] = None
    with pytest.raises(TypeError):
        del rooms["a"]


async def test_views_are_live(manager: WebSocketManager) -> None:
    connections, rooms = manager.connections, manager.rooms
    await add(manager, "ann", "a")
    assert list(connections) == ["ann"]
    assert rooms["a"] == {"ann"}


# -- broadcasts --


async def test_a_room_gets_its_messages_and_nobody_elses(manager: WebSocketManager) -> None:
    ann, bob, cat = [
        await add(manager, id, *rooms) for id, rooms in [("ann", "ab"), ("bob", "b"), ("cat", "c")]
    ]
    assert await manager.broadcast_to_room("b", "é") == 2
    assert await manager.broadcast_to_room("c", b"\x00") == 1
    assert await manager.broadcast_to_room("nowhere", "x") == 0
    assert await manager.broadcast_to_all("") == 3
    assert (ann.sent, bob.sent, cat.sent) == (["é", ""], ["é", ""], [b"\x00", ""])


async def test_whoever_is_excluded_gets_nothing_and_is_not_counted(manager: WebSocketManager) -> None:
    transports = {id: await add(manager, id, "a") for id in ("a", "n", "ann", "bob")}
    assert await manager.broadcast_to_room("a", "1", exclude=["ann", "nobody"]) == 3
    assert await manager.broadcast_to_all("2", exclude=(id for id in ("ann", "bob"))) == 2
    assert await manager.broadcast_to_all("3", exclude={"ann", "bob", "a", "n"}) == 0
    assert await manager.broadcast_to_all("4", exclude="ann") == 3
    assert transports["ann"].sent == []
    assert transports["bob"].sent == ["1", "4"]
    assert transports["a"].sent == ["1", "2", "4"]


@pytest.mark.parametrize("message", [None, 7, bytearray(b"a"), {"a": 1}])
async def test_a_wrong_type_is_told_even_to_an_empty_room(manager: WebSocketManager, message: Any) -> None:
    for call in (
        manager.broadcast_to_all(message),
        manager.broadcast_to_room("a", message),
        manager.send_to("nobody", message),
    ):
        with pytest.raises(TypeError, match=type(message).__name__):
            await call


async def test_text_that_no_utf_8_can_say_harms_no_member(manager: WebSocketManager) -> None:
    transport = await add(manager, "ann")
    with pytest.raises(ValueError, match="surrogates"):
        await manager.broadcast_to_all("\ud800")
    assert await manager.broadcast_to_all("fine") == 1
    assert transport.sent == ["fine"]


async def test_members_may_come_go_and_die_in_the_middle_of_a_broadcast(manager: WebSocketManager) -> None:
    """Contract 6.3: it is for those who were there when it was called, whether they leave the room or the
    manager meanwhile; who joins meanwhile does not get it."""
    first = await add(manager, "0 first", "a")
    others = [await add(manager, f"{number}", "a") for number in range(1, 5)]

    async def chaos(data: str) -> None:
        others[0].peer_is_lost()
        manager.leave_room("2", "a")
        manager.remove_connection("3")
        manager.add_connection("late", latecomer)
        manager.join_room("late", "a")
        first.sent.append(data)

    first.send_text = chaos  # type: ignore[method-assign]
    late = FakeTransport()
    latecomer = await accepted(late)
    manager.connections["0 first"]
    count = await manager.broadcast_to_all("hello")
    await settle()
    assert count == 5
    assert late.sent == []
    assert [each.sent for each in others[1:]] == [["hello"]] * 3
    assert manager.get_room_connections("a") == {"0 first", "4", "late"}


async def test_a_dead_member_delays_and_fails_no_one(manager: WebSocketManager) -> None:
    dead, slow, fine = [await add(manager, id, "a") for id in ("dead", "slow", "fine")]
    dead.send_fails_with = BrokenPipeError()
    slow.hold_sends()
    assert await soon(manager.broadcast_to_room("a", "hello")) == 2
    assert fine.sent == ["hello"]
    assert manager.get_room_connections("a") == {"slow", "fine"}
    slow.let_sends_go()
    await settle()
    assert slow.sent == ["hello"]


async def test_everyone_sees_broadcasts_in_the_same_order(manager: WebSocketManager) -> None:
    """Contract 6.5, with members that are slow now and then."""
    transports = [await add(manager, f"{number}", "a") for number in range(5)]
    for number in range(50):
        transports[number % 5].hold_sends()
        await manager.broadcast_to_room("a", str(number))
        await asyncio.sleep(0)
        transports[(number + 2) % 5].let_sends_go()
    for transport in transports:
        transport.let_sends_go()
    await settle()
    assert [transport.sent for transport in transports] == [[str(number) for number in range(50)]] * 5


async def test_send_to_and_disconnect_one(manager: WebSocketManager) -> None:
    """Contract 6.6."""
    ann, bob = await add(manager, "ann"), await add(manager, "bob")
    assert await manager.send_to("ann", "hello")
    assert await manager.send_to("ann", b"")
    assert not await manager.send_to("nobody", "hello")
    assert (ann.sent, bob.sent) == (["hello", b""], [])
    with pytest.raises(ValueError, match="must not be sent"):
        await manager.disconnect("ann", 1005)
    assert await manager.disconnect("ann", 4001, "bye")
    assert ann.close_frame == (4001, "bye")
    assert not await manager.disconnect("ann")
    assert not await manager.send_to("ann", "hello")
    assert list(manager.connections) == ["bob"]


# -- memory --


async def test_ten_thousand_joins_and_ends_leave_nothing_behind(manager: WebSocketManager) -> None:
    transports = [await add(manager, f"{number}") for number in range(100)]
    for number in range(10_000):
        id, room = f"{number % 100}", f"room {number % 77}"
        manager.join_room(id, room)
        if number % 3 == 0:
            manager.leave_room(id, room)
    for transport in transports:
        transport.peer_closes()
    await settle()
    del transports, transport
    gc.collect()
    assert is_empty(manager)


async def test_a_socket_renamed_again_and_again_keeps_no_trace_of_it(manager: WebSocketManager) -> None:
    websocket = await accepted(FakeTransport())
    for number in range(100):
        manager.add_connection(f"{number}", websocket)
        manager.remove_connection(f"{number}")
    assert websocket._on_end == []


async def test_a_manager_keeps_no_ended_connection_in_memory(manager: WebSocketManager) -> None:
    transport = await add(manager, "ann", "a")
    websocket = weakref.ref(manager.connections["ann"])
    transport.peer_is_lost()
    await settle()
    del transport
    gc.collect()
    assert websocket() is None
    with pytest.raises(LookupError):
        manager.join_room("ann", "a")
