"""Routes with limits, and what is told of their connections."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket import App, ConnectionClosed, Heartbeat, Limits, TrustedProxies, WebSocket, WebSocketManager

PROXY = "127.0.0.9"
"""The only address whose headers are believed."""
PER_ADDRESS = 4
IN_ALL = 6
OF_ROOM = 3
OF_CONNECTION = 2
BURST = 5
RARELY = 0.001

app = App(trusted_proxies=TrustedProxies([PROXY], header="X-Forwarded-For"))
heart = App(heartbeat=Heartbeat(interval=0.1, timeout=1))
manager = WebSocketManager(limits=Limits(connections_per_room=OF_ROOM, rooms_per_connection=OF_CONNECTION))


async def tell(websocket: WebSocket) -> None:
    """Accept, say who it is, echo, and log the end."""
    await websocket.accept()
    try:
        client = websocket.client
        await websocket.send_json({"client": client and client.host, "scheme": websocket.scope.scheme})
        async for message in websocket:
            await websocket.send(message.data)
    finally:
        app.logger.warning("%s has left", websocket.scope.path)


app.websocket("/per-address", limits=Limits(connections_per_address=PER_ADDRESS))(tell)
app.websocket("/in-all", limits=Limits(connections=IN_ALL))(tell)
app.websocket("/messages", limits=Limits(messages_per_second=RARELY, message_burst=BURST))(tell)
app.websocket("/flood", limits=Limits(messages_per_second=50))(tell)
app.websocket("/idle", limits=Limits(idle_timeout=0.5))(tell)


@app.websocket("/ends/<way>", limits=Limits(connections=IN_ALL))
async def ends(websocket: WebSocket, way: str) -> None:
    """A handler for each way in which a connection ends."""
    if way == "raises-before":
        raise ValueError("as it was told")
    await websocket.accept()
    try:
        if way == "raises":
            raise ValueError("as it was told")
        if way == "cancelled":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        if way == "closes":
            await websocket.close(4000)
        await websocket.wait_closed()
    finally:
        app.logger.warning("%s has left", websocket.scope.path)


@app.websocket("/rooms/<room>")
async def rooms(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_text(f"in {room}")
    async for other in websocket.iter_text():
        manager.join_room(websocket.id, other)
        await websocket.send_text(f"in {other}")


@app.get("/rooms")
async def members(request: Any) -> dict[str, int]:
    return {room: len(ids) for room, ids in manager.rooms.items()}


@app.websocket("/slow", limits=Limits(connections=1, accept_timeout=0.3))
async def slow(websocket: WebSocket) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        app.logger.warning("/slow was stopped")


@heart.websocket("/")
async def alive(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        async for message in websocket:
            await websocket.send_json({"got": message.data, "round_trip": websocket.statistics.round_trip})
    except ConnectionClosed as closed:
        heart.logger.warning("%s", closed)
