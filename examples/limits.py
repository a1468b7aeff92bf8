"""Limits: on connections in all and per address, on the size of a room, and on messages per second.

Before ``accept()`` a refusal is an HTTP response: 503 when the server is full, 429 when one address has
too much. Afterwards it is a close with 1008. Both name the limit. Behind a proxy every client has the
proxy's address, unless the app is told which proxies to believe (``App(trusted_proxies=…)``).

Run:  granian --interface rsgi examples.limits:app
  or  uvicorn examples.limits:app
Try:  python -m websockets ws://127.0.0.1:8000/rooms/kitchen  in four terminals
"""

import os

from starlette.requests import Request

from anysocket import App, Limits, WebSocket, WebSocketManager

app = App(
    limits=Limits(
        connections=int(os.environ.get("MAX_CONNECTIONS", "100")),
        connections_per_address=3,
        messages_per_second=1,
        message_burst=5,
    )
)
manager = WebSocketManager(limits=Limits(connections_per_room=2))


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)  # raises LimitExceeded, which closes with 1008, if the room is full
    async for message in websocket:
        await manager.broadcast_to_room(room, message.data)


@app.get("/connections")
async def count_connections(request: Request) -> dict[str, int]:
    return {"connections": len(manager.connections)}
