"""What test_proxies.py serves behind proxies."""

from anysocket import App, TrustedProxies, WebSocket, WebSocketManager

app = App(trusted_proxies=TrustedProxies(["127.0.0.1"], header="X-Forwarded-For"))
manager = WebSocketManager()


@app.websocket("/rooms/<room>")
async def enter(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    client, scheme = websocket.client, websocket.scope.scheme
    await websocket.send_json({"client": client.host if client else None, "scheme": scheme})
    async for message in websocket:
        if message.data == "bye":
            await websocket.close(4001, "bye")
        else:
            await manager.broadcast_to_room(room, message.data)


@app.get("/ready")
async def ready(request: object) -> tuple[dict[str, bool], int]:
    return {"ready": app.ready}, 200 if app.ready else 503
