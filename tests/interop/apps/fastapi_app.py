"""FastAPI: dependencies, exceptions of a WebSocket, background tasks, streaming, static files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    File,
    Header,
    HTTPException,
    UploadFile,
    WebSocket,
    WebSocketException,
)
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from anysocket_rsgi import from_asgi

done: list[str] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"started": True}


api = FastAPI(lifespan=lifespan)
api.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))


class Item(BaseModel):
    name: str
    price: float


async def user(x_token: Annotated[str, Header()]) -> AsyncIterator[str]:
    """A dependency that is left after its request."""
    if x_token == "wrong":
        raise HTTPException(401, "who are you?", headers={"www-authenticate": "Token"})
    yield x_token.upper()
    done.append(f"left {x_token}")


User = Annotated[str, Depends(user)]


@api.get("/user")
async def get_user(name: User) -> dict[str, str]:
    return {"user": name}


@api.post("/items", status_code=201)
async def create(item: Item) -> Item:
    return item


@api.post("/upload")
def upload(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Not a coroutine function: FastAPI runs it in a thread."""
    return {"name": file.filename, "size": len(file.file.read())}


@api.post("/later/{name}")
async def later(name: str, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(done.append, f"task {name}")
    return {"accepted": name}


@api.get("/done")
async def get_done() -> list[str]:
    return done


@api.get("/stream")
async def stream() -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for number in range(3):
            yield f"line {number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(lines(), media_type="text/plain")


@api.websocket("/rooms/{room}")
async def talk(websocket: WebSocket, room: int, token: str = "") -> None:
    if token != "right":
        raise WebSocketException(4003, "no token")
    await websocket.accept()
    await websocket.send_json({"room": room, "started": websocket.state.started})
    async for text in websocket.iter_text():
        if text == "fail":
            raise WebSocketException(4004, "asked for")
        await websocket.send_text(f"{room}: {text}")
    done.append(f"room {room} left")


app = from_asgi(api)
