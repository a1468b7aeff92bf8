"""A complete chat: names, who is online, rooms, a REST list of rooms, and broadcasts of an administrator.

``POST /login`` gives a token for a name; ``/chat?token=…`` (or ``Authorization: Bearer …``) opens the
connection. Clients send ``{"type": "join", "room": …}``, ``{"type": "leave", "room": …}`` and
``{"type": "send", "room": …, "text": …}``; they receive ``welcome``, ``presence``, ``joined``, ``left``,
``message``, ``broadcast`` and ``error`` events.

Run:  granian --interface rsgi examples.chat_application:app
  or  uvicorn examples.chat_application:app
Try:  curl -d '{"name": "Ann"}' http://127.0.0.1:8000/login
      python -m websockets "ws://127.0.0.1:8000/chat?token=<the token it answers>"
      and type {"type": "join", "room": "kitchen"} and {"type": "send", "room": "kitchen", "text": "Hello"}
      curl http://127.0.0.1:8000/rooms
      curl -H "Authorization: Bearer change-me" -d '{"text": "Closing soon"}' http://127.0.0.1:8000/broadcast
"""

import json
import os
import secrets
from hmac import compare_digest
from typing import Any

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

ADMIN_TOKEN = os.environ.get("CHAT_ADMIN_TOKEN", "change-me")

app = App()
manager = WebSocketManager()
names_by_token: dict[str, str] = {}

Answer = dict[str, Any] | tuple[dict[str, Any], int]


def token_of(connection: WebSocket | Request) -> str:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else connection.query_params.get("token", "")


def event(type: str, **fields: Any) -> str:
    return json.dumps({"type": type, **fields})


@app.post("/login")
async def login(request: Request) -> Answer:
    match await request.json():
        case {"name": str(name)} if 0 < len(name) <= 40:
            if name in names_by_token.values():  # a real application asks for a password, and forgets tokens
                return {"error": f"{name} is taken"}, 409
            token = secrets.token_urlsafe()
            names_by_token[token] = name
            return {"token": token}
        case _:
            return {"error": "name must be a text of 1 to 40 characters"}, 400


@app.websocket("/chat")
async def chat(websocket: WebSocket) -> None:
    name = names_by_token.get(token_of(websocket))
    if name is None:
        await websocket.close(1008, "log in first")  # before accept(): the client sees HTTP 403
        return
    await websocket.accept()
    try:
        manager.add_connection(name, websocket)
    except ValueError:
        await websocket.close(1008, "already online")
        return
    await websocket.send_text(event("welcome", name=name, online=sorted(manager.connections)))
    await manager.broadcast_to_all(event("presence", name=name, online=True), exclude=[name])
    try:
        while True:
            try:
                await handle(name, await websocket.receive_json())
            except ValueError as error:  # no JSON, or a room name that join_room() does not take
                await websocket.send_text(event("error", error=str(error)))
    finally:
        await manager.broadcast_to_all(event("presence", name=name, online=False), exclude=[name])


async def handle(name: str, command: Any) -> None:
    """Do what a client asks. Raises ``ValueError`` saying what is wrong with it."""
    match command:
        case {"type": "join", "room": str(room)}:
            manager.join_room(name, room)
            await manager.broadcast_to_room(room, event("joined", room=room, name=name))
        case {"type": "leave" | "send", "room": str(room)} if room not in manager.get_connection_rooms(name):
            raise ValueError(f"join {room} first")
        case {"type": "leave", "room": str(room)}:
            await manager.broadcast_to_room(room, event("left", room=room, name=name))
            manager.leave_room(name, room)
        case {"type": "send", "room": str(room), "text": str(text)}:
            await manager.broadcast_to_room(room, event("message", room=room, name=name, text=text))
        case _:
            raise ValueError("a command has a type (join, leave, send), a room, and to send a text")


@app.get("/rooms")
async def list_rooms(request: Request) -> dict[str, list[str]]:
    return {room: sorted(members) for room, members in manager.rooms.items()}


@app.post("/broadcast")
async def broadcast(request: Request) -> Answer:
    if not compare_digest(token_of(request).encode(), ADMIN_TOKEN.encode()):
        return {"error": "only the administrator may broadcast"}, 403
    match await request.json():
        case {"text": str(text)}:
            return {"delivered": await manager.broadcast_to_all(event("broadcast", text=text))}
        case _:
            return {"error": "text is missing"}, 400
