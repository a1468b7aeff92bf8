"""An app with a live page: one that everybody may see, and one of each kind that not everybody may."""

import asyncio
from typing import Any

import anysocket
from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@app.websocket("/rooms/<path:room>")
async def chat(websocket: WebSocket, room: str) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_text("in")
    async for message in websocket:
        await manager.broadcast_to_room(room, message.data)


def by_key(request: Any) -> bool:
    return request.query_params.get("key") == "secret" or request.headers.get("x-key") == "secret"


async def by_key_later(request: Any) -> bool:
    await asyncio.sleep(0)
    return by_key(request)


app.mount("/_anysocket", anysocket.monitor(manager, allow=lambda request: True))
app.mount("/off", anysocket.monitor(manager))
app.mount("/by-key", anysocket.monitor(manager, allow=by_key))
app.mount("/by-key-later", anysocket.monitor(manager, allow=by_key_later))
app.mount("/forgetful", anysocket.monitor(manager, allow=lambda request: "yes"))  # type: ignore[arg-type,return-value]
