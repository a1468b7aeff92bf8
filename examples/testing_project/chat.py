"""A chat with rooms, to be tested."""

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
        app.logger.warning("%s: %d characters", room, len(message.data))
        await manager.broadcast_to_room(room, message.data)


@app.post("/rooms/<room>")
async def announce(request: Request, room: str) -> dict[str, int]:
    return {"reached": await manager.broadcast_to_room(room, (await request.body()).decode())}
