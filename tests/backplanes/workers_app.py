"""Rooms on several workers: what test_workers.py serves."""

import os

from anysocket import App, Gap, WebSocket, WebSocketManager

URL = os.environ.get("BACKPLANE", "memory://")

app = App()
manager = WebSocketManager(backplane=URL, on_down="local")


@manager.on_gap
async def announce(gap: Gap) -> None:
    for id in list(manager.connections):
        if manager.get_connection_rooms(id) & gap.rooms:
            await manager.connections[id].send_json({"gap": gap.missed})


@app.websocket("/rooms/<room>")
async def enter(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket, user=str(os.getpid()))
    await manager.join_room(websocket.id, room)
    await websocket.send_json({"pid": os.getpid(), "id": websocket.id})
    async for message in websocket:
        await manager.broadcast_to_room(room, message.data)


@app.get("/worker")
async def worker(request: object) -> dict[str, object]:
    everywhere = await manager.rooms_everywhere()
    return {
        "pid": os.getpid(),
        "nodes": manager.backplane.statistics.nodes,
        "rooms": everywhere.value,
        "answered": everywhere.answered,
        "ready": app.ready,
    }


@app.post("/send/<id>")
async def send(request: object, id: str) -> dict[str, bool]:
    return {"sent": await manager.send_to(id, '"hello"')}
