"""FastAPI, with the ConnectionManager of its documentation, one for each room."""

from __future__ import annotations

from collections import defaultdict

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from benchmarks.peers.starlette_app import ConnectionManager

app = FastAPI()
managers: defaultdict[str, ConnectionManager] = defaultdict(ConnectionManager)


@app.websocket("/")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


@app.websocket("/rooms/{room}")
async def member(websocket: WebSocket, room: str) -> None:
    manager = managers[room]
    await manager.connect(websocket)
    try:
        while True:
            await manager.broadcast(await websocket.receive_text())
    except WebSocketDisconnect:
        manager.disconnect(websocket)


@app.get("/json")
async def json() -> dict[str, object]:
    return {"hello": "world", "number": 1}
