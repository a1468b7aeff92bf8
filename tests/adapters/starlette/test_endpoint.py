"""What an endpoint takes besides its handler; what it does on servers is in test_frameworks.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from anysocket import ConnectionClosed, Observer, WebSocket
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
