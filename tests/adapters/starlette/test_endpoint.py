"""What an endpoint takes besides its handler; what it does on servers is in test_frameworks.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse

from anysocket import ConnectionClosed, Heartbeat, Limits, Observer, WebSocket
from anysocket_starlette import websocket_endpoint


class Recorder(Observer):
    def __init__(self) -> None:
        self.events: list[str] = []

    @contextlib.contextmanager
    def around_connection(self, websocket: WebSocket, route: str) -> Iterator[None]:
        # Not every Starlette tells its route.
        self.events.append("in " + (route or "/rooms/{room}"))
        yield
        self.events.append("out")

    def on_accepted(self, websocket: WebSocket) -> None:
        self.events.append(f"accepted {websocket.scope.path}")

    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        self.events.append(f"ended {closed.code}")


def test_its_observers_are_told() -> None:
    recorder = Recorder()

    async def room(websocket: WebSocket, room: str) -> None:
        await websocket.accept()

    endpoint = websocket_endpoint(room, observers=[recorder])
    client = TestClient(Starlette(routes=[WebSocketRoute("/rooms/{room}", endpoint)]))
    with client.websocket_connect("/rooms/a") as session:
        assert session.receive()["code"] == 1000
    assert recorder.events == ["in /rooms/{room}", "accepted /rooms/a", "ended 1000", "out"]


def test_its_limits_and_its_heartbeat_hold() -> None:
    async def room(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message.data)

    endpoint = websocket_endpoint(
        room,
        limits=Limits(connections=1, messages_per_second=0.001, message_burst=1),
        heartbeat=Heartbeat(interval=0.01),
    )
    client = TestClient(Starlette(routes=[WebSocketRoute("/", endpoint)]))
    for _ in range(2):
        with client.websocket_connect("/") as session:
            with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/"):
                pass
            assert (denied.value.status_code, denied.value.content) == (503, b"connections")
            assert session.receive_text() == "ping"
            session.send_text("pong")
            for _ in range(2):
                session.send_text("hello")
            received = [session.receive()]
            while received[-1]["type"] == "websocket.send":
                received.append(session.receive())
            texts = [event["text"] for event in received[:-1]]
            assert [text for text in texts if text != "ping"] == ["hello"]
            assert (received[-1]["code"], received[-1]["reason"]) == (1008, "messages_per_second")
