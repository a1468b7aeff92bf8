"""Chat with rooms: what one sends, text or bytes, everyone in the same room receives.

There is no code for leaving: a connection that ends leaves its rooms by itself, and an empty room is gone.

Run:  granian --interface rsgi examples.chat_rooms:app
  or  uvicorn examples.chat_rooms:app
Try:  python -m websockets ws://127.0.0.1:8000/rooms/kitchen  in two terminals
"""

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    async for message in websocket:
        await manager.broadcast_to_room(room, message.data)


@app.get("/rooms")
async def list_rooms(request: Request) -> dict[str, int]:
    return {room: len(members) for room, members in manager.rooms.items()}
