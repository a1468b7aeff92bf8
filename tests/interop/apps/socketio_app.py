"""python-socketio: acknowledgements, rooms and binary messages."""

from __future__ import annotations

from typing import Any

import socketio

from anysocket_rsgi import from_asgi

sio = socketio.AsyncServer(async_mode="asgi", ping_interval=1, ping_timeout=2)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth == "wrong":
        raise socketio.exceptions.ConnectionRefusedError("who are you?")
    await sio.emit("welcome", {"query": environ["QUERY_STRING"]}, to=sid)


@sio.event
async def join(sid: str, room: str) -> str:
    await sio.enter_room(sid, room)
    return f"joined {room}"


@sio.event
async def say(sid: str, room: str, what: Any) -> None:
    await sio.emit("said", what, room=room)


app = from_asgi(socketio.ASGIApp(sio))
