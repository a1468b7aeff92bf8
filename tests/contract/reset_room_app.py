"""A room whose members are reset while it broadcasts, and how many of its connections are still in memory."""

from __future__ import annotations

import gc
from weakref import WeakSet

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()
members: WeakSet[WebSocket] = WeakSet()
visits = 0


@app.websocket("/room")
async def room(websocket: WebSocket) -> None:
    """Whatever a member sends makes everybody get 20 kB."""
    global visits
    await websocket.accept()
    visits += 1
    members.add(websocket)
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, "room")
    async for _ in websocket:
        await manager.broadcast_to_room("room", "x" * 20_000)


@app.websocket("/left")
async def left(websocket: WebSocket) -> None:
    """Tells how many have come and how many are in memory, each time it is asked."""
    await websocket.accept()
    async for _ in websocket:
        gc.collect()
        await websocket.send_json([visits, len(members)])
