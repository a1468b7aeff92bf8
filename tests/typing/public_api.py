"""What type checkers make of the public names. Checked by mypy and pyright, never run."""

from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Literal, assert_type

from anysocket import (
    Address,
    App,
    Backplane,
    BackplaneStatistics,
    Capability,
    ConnectionClosed,
    ConnectionStatistics,
    Denied,
    Everywhere,
    Gap,
    Headers,
    Heartbeat,
    LimitExceeded,
    Limits,
    ManagerStatistics,
    Message,
    Observer,
    OutboxPolicy,
    Publisher,
    QueryParams,
    Scope,
    SyncPublisher,
    TrustedProxies,
    UnsupportedByTransport,
    User,
    WebSocket,
    WebSocketManager,
    WebSocketStateError,
    conflate,
    monitor,
)


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[Mapping[str, Any]]:
    yield {"database": 1}


@asynccontextmanager
async def lifespan_without_state(app: App) -> AsyncIterator[None]:
    yield


app = App(
    lifespan=lifespan,
    requires=Capability.SUBPROTOCOL | Capability.CLOSE_CODE,
    allowed_origins=["https://example.com"],
    unmatched="deny",
    max_message_bytes=1 << 16,
)
App(lifespan=lifespan_without_state, allowed_origins="*")
bounded = App(
    limits=Limits(connections=1000, connections_per_address=20, messages_per_second=0.5, message_burst=3),
    trusted_proxies=TrustedProxies(["10.0.0.0/8", "unix"], header="X-Forwarded-For"),
    heartbeat=Heartbeat(interval=20, timeout=5.5, ping="?", pong="!"),
)
WebSocketManager(limits=Limits(connections_per_room=50, rooms_per_connection=5))
assert_type(Limits().messages_per_second, float | None)
assert_type(Limits().connections, int | None)


@bounded.websocket("/", limits=Limits(accept_timeout=2, idle_timeout=60.5))
async def with_limits(websocket: WebSocket) -> None:
    await websocket.accept()


async def messages(websocket: WebSocket) -> None:
    assert_type(await websocket.receive(), Message)
    async for message in websocket:
        assert_type(message, Message)
        assert_type(message.type, Literal["text", "bytes", "close", "error"])
        assert_type(message.data, str | bytes)
        assert_type(message.code, int | None)
        assert_type(message.reason, str)
        await websocket.send(message.data)
    async for text in websocket.iter_text():
        assert_type(text, str)
    async for data in websocket.iter_bytes():
        assert_type(data, bytes)
    async for value in websocket.iter_json():
        assert_type(value, Any)
    assert_type(await websocket.receive_text(), str)
    assert_type(await websocket.receive_bytes(), bytes)
    assert_type(await websocket.receive_json(), Any)
    assert_type(await websocket.send_text("text"), None)
    assert_type(await websocket.send_bytes(bytearray(b"bytes")), None)
    assert_type(await websocket.send_json({"any": ["json", None]}), None)


async def handshake(websocket: WebSocket) -> None:
    assert_type(websocket.id, str)
    assert_type(websocket.scope, Scope)
    assert_type(websocket.headers, Headers)
    assert_type(websocket.query_params, QueryParams)
    assert_type(websocket.query_params["a"], str)
    assert_type(websocket.query_params.getlist("a"), list[str])
    assert_type(websocket.path_params, dict[str, Any])
    assert_type(websocket.cookies, dict[str, str])
    assert_type(websocket.client, Address | None)
    assert_type(websocket.url, str)
    assert_type(websocket.state, SimpleNamespace)
    assert_type(websocket.capabilities, Capability)
    assert_type(Capability.PING in websocket.capabilities, bool)
    assert_type(websocket.subprotocol, str | None)
    await websocket.accept()
    await websocket.accept(subprotocol="chat", headers={"x-a": "b"})
    await websocket.accept(headers=[("x-a", b"b"), (b"x-a", "c")])
    await websocket.deny(429, {"retry-after": "5"}, "slow down")
    await websocket.deny(body=b"bytes")
    await websocket.close()
    await websocket.close(4000, "bye")
    await websocket.wait_closed()
    assert_type(websocket.closed, bool)


async def attributes(websocket: WebSocket) -> None:
    """Any attribute may be set, and read again."""
    websocket.user = "ann"


async def attributes_of_another(websocket: WebSocket) -> None:
    assert_type(websocket.user, Any)


def headers(headers: Headers) -> None:
    """The type of the name decides the type of the value."""
    assert_type(headers.get("host"), str | None)
    assert_type(headers.get("host", ""), str)
    assert_type(headers.get(b"host"), bytes | None)
    assert_type(headers.get(b"host", b""), bytes)
    assert_type(headers.getlist("host"), list[str])
    assert_type(headers.getlist(b"host"), list[bytes])
    for name, value in headers:
        assert_type(name, bytes)
        assert_type(value, bytes)
    assert_type("host" in headers, bool)


def scope(scope: Scope) -> None:
    assert_type(scope.path, str)
    assert_type(scope.query_string, bytes)
    assert_type(scope.subprotocols, tuple[str, ...])
    assert_type(scope.http_version, str)
    assert_type(scope.scheme, str)
    if scope.server is not None:
        assert_type(scope.server.host, str)
        assert_type(scope.server.port, int)


async def rooms(manager: WebSocketManager, websocket: WebSocket) -> None:
    assert_type(manager.add_connection("id", websocket), None)
    await manager.join_room("id", "room")
    assert_type(manager.connections, Mapping[str, WebSocket])
    assert_type(manager.rooms, Mapping[str, Set[str]])
    assert_type(manager.get_room_connections("room"), set[str])
    assert_type(manager.get_connection_rooms("id"), set[str])
    assert_type(await manager.broadcast_to_room("room", "text", exclude=["id"]), int)
    assert_type(await manager.broadcast_to_all(b"bytes", exclude={"id"}), int)
    assert_type(await manager.broadcast_to_rooms(["room"], "text", policy="drop_oldest"), int)
    assert_type(await manager.send_to("id", "text", policy=conflate(len)), bool)
    assert_type(await manager.disconnect("id", 4000, "bye"), bool)


def managers() -> None:
    manager = WebSocketManager(max_outbox_bytes=1 << 16, max_outbox_messages=64, policy="block")
    policy: OutboxPolicy = conflate(lambda message: message[:1])
    assert_type(manager.set_room_policy("prices/*", policy), None)
    assert_type(manager.set_room_policy("prices/*", None), None)

    @manager.on_connect
    def connected(id: str) -> None: ...

    @manager.on_join
    async def joined(id: str, room: str) -> None: ...

    assert_type(connected("id"), None)


async def users(manager: WebSocketManager, websocket: WebSocket) -> None:
    assert_type(manager.add_connection("id", websocket, user="ada"), None)
    ada = manager.user("ada")
    assert_type(ada, User)
    assert_type(ada.connections, set[str])
    assert_type(await ada.send(b"bytes", exclude=["id"], policy="drop_newest"), int)
    assert_type(await ada.disconnect(4001, "signed out"), int)


def statistics(websocket: WebSocket) -> None:
    assert_type(websocket.statistics, ConnectionStatistics)
    assert_type(websocket.statistics.connected_at, datetime)
    assert_type(websocket.statistics.messages_dropped, int)
    assert_type(websocket.statistics.round_trip, float | None)


def manager_statistics(manager: WebSocketManager) -> None:
    assert_type(manager.stats(), ManagerStatistics)
    assert_type(manager.stats().rooms, dict[str, int])
    assert_type(manager.stats().closes, dict[int, int])


class Mine(Observer):
    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        assert_type(closed.code, int)


async def allow(request: Any) -> bool:
    return True


def monitoring() -> None:
    manager = WebSocketManager(observers=[Mine()])
    observed = App(observers=[Mine(), Observer()])
    observed.mount("/on", monitor(manager, allow=allow))
    observed.mount("/off", monitor(manager, allow=lambda request: False))


def errors(closed: ConnectionClosed, denied: Denied, limit: LimitExceeded) -> None:
    assert_type(closed.code, int)
    assert_type(closed.reason, str)
    assert_type(closed.by, Literal["peer", "us", "lost"])
    assert_type(denied.status, int)
    assert_type(limit.value, int | float)
    every: list[ConnectionError] = [closed]
    misuse: list[RuntimeError] = [WebSocketStateError(), UnsupportedByTransport()]
    every.clear()
    misuse.clear()


async def several_processes(own: Backplane) -> None:
    WebSocketManager(backplane=own, on_down="raise")
    manager = WebSocketManager(backplane="zenoh://", on_down="local")
    assert_type(await manager.count("room"), Everywhere[int])
    assert_type((await manager.members("room", timeout=0.5)).value, frozenset[str])
    assert_type((await manager.rooms_everywhere()).value, dict[str, int])
    assert_type(manager.backplane.up, bool)
    assert_type(manager.backplane.statistics, BackplaneStatistics)
    assert_type(await manager.backplane.start(), None)

    @manager.on_gap
    def missed(gap: Gap) -> None:
        assert_type(gap.rooms, frozenset[str])
        assert_type(gap.missed, int | None)

    assert_type(missed(Gap(frozenset(), None, 1)), None)


async def publishing() -> None:
    async with Publisher("redis://localhost") as publisher:
        assert_type(publisher, Publisher)
        assert_type(await publisher.broadcast_to_room("room", "text", policy="drop_oldest"), None)
        assert_type(await publisher.send_to_user("ada", b"bytes"), None)
    with SyncPublisher("redis://localhost") as here:
        assert_type(here, SyncPublisher)
        assert_type(here.broadcast_to_all("text"), None)
