"""A room with many members, and controllers who have it broadcast to."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket import App, WebSocket, WebSocketManager

ROOM = "room"

app = App()
manager = WebSocketManager(max_outbox_bytes=1 << 18)


@app.websocket("/member/<kind>")
async def member(websocket: WebSocket, kind: str) -> None:
    await websocket.accept()
    id = f"{kind} {websocket.id}"
    manager.add_connection(id, websocket)
    manager.join_room(id, ROOM)
    await websocket.send_text("in")
    async for _ in websocket:
        pass


@app.websocket("/steadily/<int:count>")
async def steadily(websocket: WebSocket, count: int) -> None:
    """So many numbered messages, 50 a second."""
    await websocket.accept()
    for number in range(count):
        await manager.broadcast_to_room(ROOM, str(number))
        await asyncio.sleep(0.02)
    await manager.broadcast_to_room(ROOM, "end")
    await websocket.send_text("done")


@app.websocket("/until-closed/<int:slow>")
async def until_closed(websocket: WebSocket, slow: int) -> None:
    """Large messages, as fast as those take them who are there to read, until so many others have been closed
    for slowness; and some more. Tells how many there were, and what has waited for one of them at most."""
    await websocket.accept()
    before = manager.stats().slow_consumers
    number, last, most = 0, 1_000, 0
    while number < last:
        await manager.broadcast_to_room(ROOM, f"{number} ".ljust(1 << 16, "."))
        number += 1
        stats = manager.stats()
        most = max(most, stats.most_bytes_queued)
        if stats.slow_consumers - before >= slow:
            last = min(last, number + 20)
        while any(manager.connections[id].statistics.messages_queued for id in reading()):
            await asyncio.sleep(0.001)
    await manager.broadcast_to_room(ROOM, "end")
    told = {"count": number, "slow_consumers": manager.stats().slow_consumers - before}
    await websocket.send_json({**told, "most_queued": most, "max_outbox_bytes": manager.max_outbox_bytes})


def reading() -> list[str]:
    return [id for id in manager.connections if id.startswith("reads")]


@app.get("/left")
async def left(request: Any) -> dict[str, int]:
    return {"connections": len(manager.connections), "rooms": len(manager.rooms)}
