"""anysocket, with its defaults."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

# As large as what the Autobahn suite sends.
app = App(max_message_bytes=1 << 26)
DRILLED = 1000
manager = WebSocketManager(backplane=os.environ.get("BACKPLANE", "memory://"))


@app.websocket("/")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/rooms/<room>")
async def member(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    await manager.join_room(websocket.id, room)
    async for message in websocket:
        await manager.broadcast_to_room(room, message.data)


@app.get("/json")
async def json(request: Request) -> dict[str, Any]:
    return {"hello": "world", "number": 1}


@app.websocket("/drill/<int:count>")
async def drill(websocket: WebSocket, count: int) -> None:
    """Joins and leaves rooms beside so many others: microseconds for each step, each time it is told to."""
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    for number in range(count):
        manager.join_room(websocket.id, f"other {number}")
    rooms = [f"own {number}" for number in range(DRILLED)]
    async for _ in websocket:
        times = {
            "join": timed(rooms, lambda room: manager.join_room(websocket.id, room)),
            "look_up": timed(rooms, manager.get_room_connections),
            "leave": timed(rooms, lambda room: manager.leave_room(websocket.id, room)),
        }
        await websocket.send_json(times)


def timed(rooms: list[str], step: Callable[[str], Any]) -> float:
    begin = time.perf_counter()
    for room in rooms:
        step(room)
    return (time.perf_counter() - begin) / len(rooms) * 1e6
