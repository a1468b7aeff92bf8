"""Limits: on connections in all and per address, on the size of a room, and on messages per second.

Before ``accept()`` a refusal is an HTTP response: 503 when the server is full, 429 when one address has
too much. Afterwards it is a close with 1008. Both name the limit. Behind a proxy every client has the
proxy's address, unless the server is told to trust the proxy's headers (uvicorn: ``--forwarded-allow-ips``).

Run:  granian --interface rsgi examples.limits:app
  or  uvicorn examples.limits:app
Try:  python -m websockets ws://127.0.0.1:8000/rooms/kitchen  in four terminals
"""

import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from anysocket import App, Denied, WebSocket, WebSocketManager

MAX_CONNECTIONS = int(os.environ.get("MAX_CONNECTIONS", "100"))
MAX_CONNECTIONS_PER_ADDRESS = 3
MAX_ROOM_SIZE = 2
MAX_MESSAGES_PER_SECOND = 5

app = App()
manager = WebSocketManager()
connections_by_address: Counter[str] = Counter()


@contextmanager
def counted(websocket: WebSocket) -> Iterator[None]:
    """Count the connection for as long as the block runs. Raises :class:`Denied` when it is one too many."""
    address = websocket.client.host if websocket.client else ""
    if connections_by_address.total() >= MAX_CONNECTIONS:
        raise Denied(503, {"Retry-After": "10"}, f"limit of {MAX_CONNECTIONS} connections")
    if connections_by_address[address] >= MAX_CONNECTIONS_PER_ADDRESS:
        raise Denied(429, body=f"limit of {MAX_CONNECTIONS_PER_ADDRESS} connections per address")
    connections_by_address[address] += 1
    try:
        yield
    finally:
        connections_by_address[address] -= 1
        if not connections_by_address[address]:
            del connections_by_address[address]


class Rate:
    """Allows ``MAX_MESSAGES_PER_SECOND`` in any one second."""

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=MAX_MESSAGES_PER_SECOND)

    def allows_another(self) -> bool:
        now = time.monotonic()
        if len(self.times) == self.times.maxlen and now - self.times[0] < 1:
            return False
        self.times.append(now)
        return True


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    with counted(websocket):  # before anything is awaited: of two that come at once, one may be too many
        await websocket.accept()
        if len(manager.get_room_connections(room)) >= MAX_ROOM_SIZE:
            await websocket.close(1008, f"limit of {MAX_ROOM_SIZE} connections per room")
            return
        manager.add_connection(websocket.id, websocket)
        manager.join_room(websocket.id, room)
        rate = Rate()
        async for message in websocket:
            if not rate.allows_another():
                await websocket.close(1008, f"limit of {MAX_MESSAGES_PER_SECOND} messages per second")
                return
            await manager.broadcast_to_room(room, message.data)


@app.get("/connections")
async def count_connections(request: Request) -> dict[str, int]:
    return {"connections": connections_by_address.total()}
