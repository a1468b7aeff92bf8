"""A Starlette and a FastAPI app with anysocket inside, the same paths in both."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import fastapi
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteWebSocket

from anysocket import Denied, WebSocket, WebSocketManager
from anysocket_starlette import websocket_endpoint, wrap

logging.getLogger("anysocket").addHandler(logging.StreamHandler())

manager = WebSocketManager()


async def echo(websocket: WebSocket, room: str) -> None:
    """What this handler's route says about it."""
    await websocket.accept()
    await websocket.send(f"{room} {websocket.path_params['room']} {websocket.scope.path}")
    async for message in websocket:
        await websocket.send(message.data)


async def outcome(websocket: WebSocket, what: str) -> None:
    if what == "return-early":
        return
    if what == "raise-early":
        raise ZeroDivisionError
    if what == "denied":
        raise Denied(401)
    await websocket.accept()
    if what == "raise":
        raise ZeroDivisionError
    if what == "close":
        await websocket.close(4001, "bye")
        await websocket.wait_closed()


async def members(websocket: StarletteWebSocket) -> None:
    """Hands its connection to the manager and goes on receiving by itself."""
    room, name = websocket.path_params["room"], websocket.path_params["name"]
    await websocket.accept()
    wrapped = wrap(websocket)
    manager.add_connection(name, wrapped)
    manager.join_room(name, room)
    await websocket.send_text(f"hello {name}")
    async for text in websocket.iter_text():
        if text == "return":
            return
        if text.startswith("close "):
            await manager.disconnect(text.removeprefix("close "), 4002, "asked for")
        elif text == "own close":
            await websocket.close(4003)
            break
        else:
            await manager.broadcast_to_room(room, f"{name}: {text}")
    while name in manager.connections:
        await asyncio.sleep(0)


def rooms() -> dict[str, Any]:
    return {room: sorted(names) for room, names in manager.rooms.items()}


async def starlette_rooms(request: Request) -> JSONResponse:
    return JSONResponse(rooms())


starlette_app = Starlette(
    routes=[
        Route("/rooms", starlette_rooms),
        WebSocketRoute("/echo/{room}", websocket_endpoint(echo)),
        WebSocketRoute("/outcome/{what}", websocket_endpoint(outcome)),
        WebSocketRoute(
            "/small/{room}", websocket_endpoint(echo, max_message_bytes=16, subprotocols=["chat"])
        ),
        WebSocketRoute("/members/{room}/{name}", members),
    ]
)

fastapi_app = fastapi.FastAPI()
fastapi_app.get("/rooms")(rooms)
fastapi_app.add_api_websocket_route("/echo/{room}", websocket_endpoint(echo))
fastapi_app.websocket("/outcome/{what}")(websocket_endpoint(outcome))
fastapi_app.websocket("/small/{room}")(websocket_endpoint(echo, max_message_bytes=16, subprotocols=["chat"]))
fastapi_app.add_api_websocket_route("/members/{room}/{name}", members)
