"""Announcements: an HTTP POST reaches every client, or those of one room; the answer counts them.

Run:  granian --interface rsgi examples.announcements:app
  or  uvicorn examples.announcements:app
Try:  python -m websockets ws://127.0.0.1:8000/listen/kitchen  and in another terminal
      curl -d '{"text": "Dinner is ready"}' http://127.0.0.1:8000/announce
      curl -d '{"text": "Do the dishes"}' http://127.0.0.1:8000/announce/kitchen
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@app.websocket("/listen/<room>")
async def listen(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.wait_closed()


@app.post("/announce")
async def announce_to_all(request: Request) -> dict[str, int]:
    return {"delivered": await manager.broadcast_to_all(await read_text(request))}


@app.post("/announce/<room>")
async def announce_to_room(request: Request, room: str) -> dict[str, int]:
    return {"delivered": await manager.broadcast_to_room(room, await read_text(request))}


async def read_text(request: Request) -> str:
    match await request.json():
        case {"text": str(text)}:
            return text
        case _:
            raise HTTPException(400, "the body must be a JSON object with a text")
