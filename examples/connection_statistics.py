"""Statistics: what each connection did, and over HTTP who is there and how big the rooms are.

Any attribute may be set on a WebSocket; here it carries its own counters. A client that sends the text
``statistics`` gets its own; ``GET /statistics`` lists all connections and rooms.

Run:  granian --interface rsgi examples.connection_statistics:app
  or  uvicorn examples.connection_statistics:app
Try:  python -m websockets ws://127.0.0.1:8000/rooms/kitchen  then: curl http://127.0.0.1:8000/statistics
"""

import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@dataclass
class Statistics:
    """The counters of one connection; sizes are in characters for text and in bytes for bytes."""

    messages_received: int = 0
    size_received: int = 0
    connected_at: float = field(default_factory=time.monotonic)

    def count(self, data: str | bytes) -> None:
        self.messages_received += 1
        self.size_received += len(data)

    def report(self) -> dict[str, Any]:
        return {
            "messages_received": self.messages_received,
            "size_received": self.size_received,
            "seconds_connected": round(time.monotonic() - self.connected_at, 3),
        }


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    websocket.statistics = Statistics()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_json({"id": websocket.id})
    async for message in websocket:
        websocket.statistics.count(message.data)
        if message.data == "statistics":
            await websocket.send_json(websocket.statistics.report())
        else:
            await manager.broadcast_to_room(room, message.data)


@app.get("/statistics")
async def all_statistics(request: Request) -> dict[str, Any]:
    return {
        "connections": {
            connection_id: {
                "client": websocket.client.host if websocket.client else None,
                "rooms": sorted(manager.get_connection_rooms(connection_id)),
                **websocket.statistics.report(),
            }
            for connection_id, websocket in manager.connections.items()
        },
        "rooms": {room: len(members) for room, members in manager.rooms.items()},
    }
