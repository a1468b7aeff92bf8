"""Statistics: what each connection did, and over HTTP who is there and how big the rooms are.

Each WebSocket counts what it carries. A client that sends the text ``statistics`` gets its own counters;
``GET /statistics`` lists all connections and rooms.

Run:  granian --interface rsgi examples.connection_statistics:app
  or  uvicorn examples.connection_statistics:app
Try:  python -m websockets ws://127.0.0.1:8000/rooms/kitchen  then: curl http://127.0.0.1:8000/statistics
"""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


def report(websocket: WebSocket) -> dict[str, Any]:
    """What is of interest here; ``websocket.statistics`` has more."""
    statistics = websocket.statistics
    return {
        "messages_received": statistics.messages_received,
        "bytes_received": statistics.bytes_received,
        "messages_sent": statistics.messages_sent,
        "messages_dropped": statistics.messages_dropped,
        "seconds_connected": round((datetime.now(UTC) - statistics.connected_at).total_seconds(), 3),
    }


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_json({"id": websocket.id})
    async for message in websocket:
        if message.data == "statistics":
            await websocket.send_json(report(websocket))
        else:
            await manager.broadcast_to_room(room, message.data)


@app.get("/statistics")
async def all_statistics(request: Request) -> dict[str, Any]:
    return {
        "connections": {
            connection_id: {
                "client": websocket.client.host if websocket.client else None,
                "rooms": sorted(manager.get_connection_rooms(connection_id)),
                **report(websocket),
            }
            for connection_id, websocket in manager.connections.items()
        },
        "rooms": {room: len(members) for room, members in manager.rooms.items()},
    }
