"""An app whose spans can be fetched."""

import json
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from anysocket import App, Denied, WebSocket, WebSocketManager
from anysocket_opentelemetry import Tracing

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracing = Tracing(provider)
app, manager = App(observers=[tracing], unmatched="deny"), WebSocketManager(observers=[tracing])


@app.websocket("/rooms/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    if room == "private":
        raise Denied(401)
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)
    await websocket.send_text(f"{trace.get_current_span().get_span_context().span_id:016x}")
    async for message in websocket:
        if message.data == "fail":
            raise ValueError("asked to")
        await manager.broadcast_to_room(room, message.data)


@app.get("/spans")
async def spans(request: Any) -> Any:
    return [json.loads(span.to_json()) for span in exporter.get_finished_spans()]
