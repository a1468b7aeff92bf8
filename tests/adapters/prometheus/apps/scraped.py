"""An app with its metrics, by a route and by a mount."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, make_asgi_app

from anysocket import App, Denied, WebSocket, WebSocketManager
from anysocket_prometheus import Metrics

registry = CollectorRegistry()
metrics = Metrics(registry)
app, manager = App(observers=[metrics], unmatched="deny"), WebSocketManager(observers=[metrics])
app.mount("/mounted", make_asgi_app(registry))


@app.get("/metrics")
async def scrape(request: Any) -> Any:
    return generate_latest(registry), 200, {"content-type": CONTENT_TYPE_LATEST}


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    if room == "private":
        raise Denied(401)
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_text("in")
    async for message in websocket:
        if message.data == "fail":
            raise ValueError("asked to")
        await manager.broadcast_to_room(room, message.data)
