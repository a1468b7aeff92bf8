"""Live data: a reading several times a second, for as long as the client stays.

The handler only sends. When the client leaves, however it leaves, the next send raises
``ConnectionClosed``; letting it out of the handler is a normal end, so there is nothing to catch.
``finally`` runs in any case. ``GET /live/clients`` counts who is still being served.

Run:  granian --interface rsgi examples.live_data:app
  or  uvicorn examples.live_data:app
Try:  python -m websockets ws://127.0.0.1:8000/live  then: curl http://127.0.0.1:8000/live/clients
"""

import asyncio
import itertools
import random

from starlette.requests import Request

from anysocket import App, WebSocket

SECONDS_BETWEEN_READINGS = 0.2

app = App()
clients: set[str] = set()


@app.websocket("/live")
async def live(websocket: WebSocket) -> None:
    await websocket.accept()
    clients.add(websocket.id)
    try:
        for number in itertools.count(1):
            await websocket.send_json({"number": number, "temperature": round(random.gauss(21, 0.5), 2)})
            await asyncio.sleep(SECONDS_BETWEEN_READINGS)
    finally:
        clients.discard(websocket.id)


@app.get("/live/clients")
async def count_clients(request: Request) -> dict[str, int]:
    return {"clients": len(clients)}
