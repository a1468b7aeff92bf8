"""The app that the plugin's fixtures serve to their tests."""

from __future__ import annotations

import os

from starlette.requests import Request

from anysocket import App, WebSocket

app = App(allowed_origins="*")
other = App()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    app.logger.warning("greeted %s", websocket.headers.get("origin"))
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/agree")
async def agree(websocket: WebSocket) -> None:
    """What not every server can carry."""
    await websocket.accept("v1", {"x-seen": websocket.headers.get("x-token") or ""})
    await websocket.wait_closed()


@app.websocket("/close")
async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(4000, "as asked")


@app.websocket("/deny")
async def deny(websocket: WebSocket) -> None:
    await websocket.deny(402)


@app.websocket("/end")
async def end(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.wait_closed()
    app.logger.warning("the connection has ended")


@app.get("/about")
async def about(request: Request) -> dict[str, object]:
    return {
        "process": os.getpid(),
        "stage": os.environ.get("STAGE"),
        "token": request.headers.get("x-token"),
    }


@app.post("/size")
async def size(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@other.get("/about")
async def about_other(request: Request) -> dict[str, object]:
    return {"other": True}
