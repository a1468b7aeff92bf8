"""Limits as values, and who counts what (contract 6.7)."""

from __future__ import annotations

import asyncio
import gc
import math
from contextlib import AsyncExitStack
from typing import Any

import pytest

from anysocket import Address, App, ConnectionClosed, LimitExceeded, Limits, WebSocket, WebSocketManager
from anysocket._limits import NO_LIMITS, peer_network
from anysocket.testing import Refused, connect
from core.fake_transport import FakeTransport, accepted, settle, soon
from core.members import add, is_empty
from core.test_observer import Recorder

ADA, BOB = ("192.0.2.1", 1), ("192.0.2.2", 1)


async def stays(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


async def refused(app: App, path: str = "/", client: tuple[str, int] | None = ADA) -> tuple[int, bytes]:
    """Status and body of the refusal that must come."""
    with pytest.raises(Refused) as refusal:
        async with connect(app, path, client=client):
            pass
    return refusal.value.status, refusal.value.body


# -- the value --


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"connections": 0}, "connections must be a positive int"),
        ({"connections_per_address": 1.5}, "connections_per_address must be a positive int"),
        ({"connections_per_room": "5"}, "connections_per_room must be a positive int"),
        ({"rooms_per_connection": -1}, "rooms_per_connection must be a positive int"),
        ({"messages_per_second": 0}, "messages_per_second must be a positive number"),
        ({"messages_per_second": math.nan}, "messages_per_second must be a positive number"),
        ({"messages_per_second": 1, "message_burst": 0.5}, "message_burst must be a positive int"),
        ({"message_burst": 5}, "needs messages_per_second"),
        ({"accept_timeout": "10"}, "accept_timeout must be a positive number"),
        ({"idle_timeout": -1}, "idle_timeout must be a positive number"),
    ],
)
def test_what_is_no_limit_is_told_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Limits(**wrong)


@pytest.mark.parametrize("name", ["connections_per_room", "rooms_per_connection"])
def test_a_limit_on_rooms_belongs_to_a_manager(name: str) -> None:
    limits = Limits(**{name: 5})
    for place in (lambda: App(limits=limits), lambda: App().websocket("/", limits=limits)):
        with pytest.raises(ValueError, match=rf"{name}: say it to WebSocketManager\(limits"):
            place()


@pytest.mark.parametrize("name", ["messages_per_second", "accept_timeout", "idle_timeout"])
def test_a_limit_on_what_a_manager_does_not_see_belongs_to_an_app(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: say it to App\(limits"):
        WebSocketManager(limits=Limits(**{name: 5}))


def test_a_route_says_what_holds_for_each_of_its_connections() -> None:
    outer = Limits(connections=9, messages_per_second=5, message_burst=50, accept_timeout=3, idle_timeout=60)
    assert NO_LIMITS.within(outer) == Limits(
        messages_per_second=5, message_burst=50, accept_timeout=3, idle_timeout=60
    )
    own = Limits(connections=2, messages_per_second=7, idle_timeout=math.inf)
    within = own.within(outer)
    assert (within.connections, within.idle_timeout, within.accept_timeout) == (2, math.inf, 3)
    assert (within.messages_per_second, within.message_burst) == (7, None), "a burst goes with its rate"


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
async def test_a_peer_is_counted_by_its_address_or_its_ipv6_network(host: str | None, network: str) -> None:
    transport = FakeTransport()
    transport.scope.client = Address(host, 1) if host is not None else None
    assert peer_network(WebSocket(transport)) == network


# -- connections of an app and of a route --


async def test_one_too_many_in_all_gets_503_and_the_name() -> None:
    app = App(limits=Limits(connections=2))
    app.websocket("/")(stays)
    async with connect(app, "/", client=ADA), connect(app, "/", client=BOB) as second:
        assert await refused(app) == (503, b"connections")
        await second.close()
        async with connect(app, "/", client=ADA) as third:
            await third.send_text("there is room again")
            assert await third.receive_text() == "there is room again"


async def test_one_too_many_of_an_address_gets_429_while_others_come_in() -> None:
    app = App(limits=Limits(connections_per_address=2))
    app.websocket("/")(stays)
    async with connect(app, "/", client=ADA), connect(app, "/", client=("192.0.2.1", 2)):
        assert await refused(app, client=("192.0.2.1", 3)) == (429, b"connections_per_address")
        async with connect(app, "/", client=BOB):
            pass


async def test_peers_over_a_unix_socket_count_together() -> None:
    app = App(limits=Limits(connections_per_address=1))
    app.websocket("/")(stays)
    async with connect(app, "/", client=None):
        assert await refused(app, client=None) == (429, b"connections_per_address")


async def test_a_route_has_its_own_limit_and_the_apps() -> None:
    app = App(limits=Limits(connections=3))
    app.websocket("/narrow", limits=Limits(connections=1))(stays)
    app.websocket("/wide")(stays)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connect(app, "/narrow"))
        assert await refused(app, "/narrow") == (503, b"connections")
        await stack.enter_async_context(connect(app, "/wide"))
        await stack.enter_async_context(connect(app, "/wide"))
        assert await refused(app, "/wide") == (503, b"connections")
    async with connect(app, "/narrow"):
        pass


async def test_a_path_without_a_route_counts_too() -> None:
    app = App(limits=Limits(connections=1))
    app.websocket("/")(stays)
    async with connect(app, "/"):
        assert await refused(app, "/unknown") == (503, b"connections")


async def test_what_is_refused_for_another_reason_takes_no_place() -> None:
    app = App(limits=Limits(connections=1))
    app.websocket("/")(stays)
    with pytest.raises(Refused):
        async with connect(app, "/", headers={"origin": "https://elsewhere.example", "host": "here"}):
            pass
    async with connect(app, "/"):
        pass


async def test_a_refusal_is_logged_with_the_limit_and_its_value(caplog: pytest.LogCaptureFixture) -> None:
    app = App(limits=Limits(connections_per_address=1))
    app.websocket("/")(stays)
    async with connect(app, "/", client=ADA):
        await refused(app)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "'192.0.2.1': limit connections_per_address of 1 reached" in record.message


async def test_observers_are_told_which_limit_it_was() -> None:
    recorder = Recorder()
    app = App(limits=Limits(connections_per_address=1), observers=[recorder])
    app.websocket("/", limits=Limits(connections=2))(stays)
    async with connect(app, "/", client=ADA), connect(app, "/", client=BOB):
        await refused(app, client=ADA)
        await refused(app, client=("192.0.2.3", 1))
    assert [event for event in recorder.events if event[0] == "refused"] == [
        ("refused", 429, "connections_per_address"),
        ("refused", 503, "connections"),
    ]


class Ways:
    """Handlers by how they end."""

    @staticmethod
    async def returns(websocket: WebSocket) -> None:
        await websocket.accept()

    @staticmethod
    async def raises(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ValueError("a bug")

    @staticmethod
    async def raises_before(websocket: WebSocket) -> None:
        raise ValueError("a bug")

    @staticmethod
    async def denies(websocket: WebSocket) -> None:
        await websocket.deny(401)

    @staticmethod
    async def closes(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)


@pytest.mark.parametrize("way", ["returns", "raises", "raises_before", "denies", "closes"])
async def test_the_place_is_free_again_however_the_handler_ends(way: str) -> None:
    app = App(limits=Limits(connections=1, connections_per_address=1))
    app.websocket("/", limits=Limits(connections=1))(getattr(Ways, way))
    for _ in range(3):
        transport = FakeTransport()
        await soon(app.serve(transport))
        assert transport.answer is not None and transport.answer[1] not in (503, 429)


@pytest.mark.parametrize("end", ["peer closes", "peer is lost", "server cancels", "accept fails"])
async def test_the_place_is_free_again_however_the_connection_ends(end: str) -> None:
    app = App(limits=Limits(connections=1, connections_per_address=1))
    app.websocket("/", limits=Limits(connections=1))(stays)
    for _ in range(3):
        transport = FakeTransport()
        if end == "accept fails":
            transport.accept_fails_with = ConnectionClosed(1006, "", "lost")
        serving = asyncio.create_task(app.serve(transport))
        await settle()
        if end == "peer closes":
            transport.peer_closes()
        elif end == "peer is lost":
            transport.peer_is_lost()
        elif end == "server cancels":
            serving.cancel()
        await soon(asyncio.wait([serving]))
        assert transport.answer is not None and transport.answer[0] == "accept"
    gate = app._router.routes[0].gate
    gc.collect()
    assert gate._outer is app._gate
    for each in (gate, app._gate):
        assert not each._inside.members and not each._inside.names


async def test_a_connection_counts_until_its_handler_has_ended() -> None:
    """What a handler still does for it is what the limit protects."""
    app = App(limits=Limits(connections=1))
    finished = asyncio.Event()

    @app.websocket("/")
    async def lingers(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.wait_closed()
        await finished.wait()

    async with connect(app, "/") as peer:
        await peer.close()
        assert await refused(app) == (503, b"connections")
        finished.set()
    async with connect(app, "/"):
        pass


# -- rooms --


async def test_a_full_room_takes_nobody_and_keeps_who_is_in() -> None:
    manager = WebSocketManager(limits=Limits(connections_per_room=2))
    await add(manager, "a", "kitchen")
    await add(manager, "b", "kitchen")
    await add(manager, "c")
    with pytest.raises(LimitExceeded, match="limit connections_per_room of 2 reached"):
        manager.join_room("c", "kitchen")
    manager.join_room("a", "kitchen")  # It is in already.
    assert manager.get_room_connections("kitchen") == {"a", "b"}
    assert manager.get_connection_rooms("c") == set()
    manager.leave_room("b", "kitchen")
    manager.join_room("c", "kitchen")


async def test_a_connection_is_in_so_many_rooms_and_no_more() -> None:
    manager = WebSocketManager(limits=Limits(rooms_per_connection=2))
    transport = await add(manager, "a", "one", "two")
    with pytest.raises(LimitExceeded, match="limit rooms_per_connection of 2 reached"):
        manager.join_room("a", "three")
    assert "three" not in manager.rooms
    manager.leave_room("a", "one")
    manager.join_room("a", "three")
    transport.peer_is_lost()
    await settle()
    assert not manager.rooms and not manager.connections


async def test_a_manager_counts_its_connections_and_their_addresses() -> None:
    manager = WebSocketManager(limits=Limits(connections=2, connections_per_address=1))

    async def member(id: str, host: str) -> WebSocket:
        transport = FakeTransport(f"/{id}")
        transport.scope.client = Address(host, 1)
        websocket = await accepted(transport)
        manager.add_connection(id, websocket)
        return websocket

    await member("a", "192.0.2.1")
    with pytest.raises(LimitExceeded, match="connections_per_address of 1"):
        await member("b", "192.0.2.1")
    await member("c", "192.0.2.2")
    with pytest.raises(LimitExceeded, match="connections of 2"):
        await member("d", "192.0.2.3")
    assert list(manager.connections) == ["a", "c"]
    manager.remove_connection("a")
    await member("b", "192.0.2.1")
    for id in ("b", "c"):
        manager.remove_connection(id)
    assert not manager._gate._inside.members


async def test_who_was_not_added_leaves_nothing_behind() -> None:
    """Neither one too many, nor one that has ended."""
    manager = WebSocketManager(limits=Limits(connections=1))
    await add(manager, "a")
    extra = await accepted(FakeTransport())
    with pytest.raises(LimitExceeded):
        manager.add_connection("b", extra)
    assert extra._on_end == []
    manager.remove_connection("a")
    ended = FakeTransport()
    websocket = await accepted(ended)
    ended.peer_is_lost()
    await settle()
    with pytest.raises(ConnectionClosed):
        manager.add_connection("c", websocket)
    gc.collect()
    assert is_empty(manager)


@pytest.mark.parametrize("accepts", [True, False])
@pytest.mark.parametrize(
    ("limits", "name", "status"),
    [
        (Limits(connections_per_room=1), "connections_per_room", 503),
        (Limits(rooms_per_connection=1), "rooms_per_connection", 429),
        (Limits(connections=1), "connections", 503),
        (Limits(connections_per_address=1), "connections_per_address", 429),
    ],
)
async def test_what_a_handler_lets_out_refuses_or_closes_with_the_name(
    accepts: bool, limits: Limits, name: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    app, manager = App(), WebSocketManager(limits=limits)
    if name != "rooms_per_connection":
        await add(manager, "first", "kitchen")

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept()
        manager.add_connection("me", websocket)
        manager.join_room("me", "kitchen")
        manager.join_room("me", "bath")

    transport = FakeTransport()
    await soon(app.serve(transport))
    if accepts:
        assert transport.close_frame == (1008, name)
    else:
        assert transport.answer == ("deny", status, [], name.encode())
    assert "me" not in manager.connections
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_limit_of_the_users_own_works_alike(accepts: bool) -> None:
    """A reason has 123 bytes."""
    app = App()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept()
        raise LimitExceeded("ü" * 100, 5)

    transport = FakeTransport()
    await soon(app.serve(transport))
    if accepts:
        assert transport.close_frame == (1008, "ü" * 61)
    else:
        assert transport.answer == ("deny", 429, [], ("ü" * 100).encode())


async def test_a_handler_may_answer_it_by_itself() -> None:
    app, manager = App(), WebSocketManager(limits=Limits(connections_per_room=1))
    await add(manager, "first", "kitchen")

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        manager.add_connection("me", websocket)
        try:
            manager.join_room("me", "kitchen")
        except LimitExceeded as exceeded:
            await websocket.send_text(f"{exceeded.limit} {exceeded.value}")

    transport = FakeTransport()
    await soon(app.serve(transport))
    assert transport.sent == ["connections_per_room 1"]
    assert transport.close_frame == (1000, "")
