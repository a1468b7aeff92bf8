"""The app of ``benchmarks.rooms``: members of one room, and a controller who has it broadcast."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from starlette.requests import Request

from anysocket import App, ConnectionClosed, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()
ends: Counter[int] = Counter()
sent = 0
"""The number of the last message."""


@app.websocket("/control")
async def control(websocket: WebSocket) -> None:
    """Broadcasts as it is told to, to these rooms in turn: each message has its number, when it was sent, and
    a filling. Tells in the end how long each broadcast has taken, in seconds."""
    global sent
    await websocket.accept()
    await websocket.receive()
    orders = websocket.query_params
    count, interval, size = int(orders["count"]), float(orders["interval"]), int(orders["size"])
    rooms = orders.getlist("room")
    begin, taken = time.monotonic(), []
    for sent in range(count):
        await asyncio.sleep(begin + sent * interval - time.monotonic())
        now = time.monotonic()
        await manager.broadcast_to_room(rooms[sent % len(rooms)], f"{sent} {now:.6f} ".ljust(size, "."))
        taken.append(time.monotonic() - now)
    await websocket.send_json(taken)


@app.websocket("/<kind>")
async def member(websocket: WebSocket, kind: str) -> None:
    """Of the room of all; a ``reader`` of that of readers, too."""
    await websocket.accept()
    try:
        manager.add_connection(websocket.id, websocket)
        for room in ("all", "readers") if kind == "reader" else ("all",):
            manager.join_room(websocket.id, room)
        while True:
            await websocket.receive()
    except ConnectionClosed as closed:
        ends[closed.code] += 1


@app.get("/state")
async def state(request: Request) -> dict[str, Any]:
    return {
        "connections": len(manager.connections),
        "rooms": len(manager.rooms),
        "slow_consumers": manager.stats().slow_consumers,
        "sent": sent,
        "ends": {str(code): count for code, count in ends.items()},
    }
