"""An app's HTTP side with all that it has: routes, mounts, lifespan state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi
from starlette.staticfiles import StaticFiles

from anysocket import App, WebSocket
from anysocket_starlette import Request


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any]]:
    yield {"greeting": "hello"}


app = App(lifespan=lifespan)


@app.get("/items/<int:number>")
async def get_item(request: Request, number: int) -> dict[str, Any]:
    return {"number": number, "greeting": request.state.greeting}


@app.post("/items/<int:number>")
async def post_item(request: Request, number: int) -> Any:
    return {"stored": await request.json()}, 201, [("set-cookie", "a=1"), ("set-cookie", "b=2")]


@app.delete("/items/<int:number>")
def delete_item(request: Request, number: int) -> None:
    return None


@app.get("/broken")
async def broken(request: Request) -> None:
    raise ZeroDivisionError("secret")


@app.websocket("/api/own")
async def own(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send("ours")


api = fastapi.FastAPI()


@api.get("/answer")
def answer() -> dict[str, int]:
    return {"answer": 42}


@api.websocket("/socket/{name}")
async def mounted_socket(websocket: fastapi.WebSocket, name: str) -> None:
    await websocket.accept()
    await websocket.send_text(f"FastAPI {name} {websocket.url.path} {websocket.scope['root_path']}")
    await websocket.receive()


app.mount("/api", api)
app.mount("/files", StaticFiles(directory=Path(__file__).parent))
