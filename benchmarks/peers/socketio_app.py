"""python-socketio: events over WebSocket alone, and its rooms."""

from __future__ import annotations

from typing import Any

import socketio

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
app = socketio.ASGIApp(server)


@server.event
async def echo(sid: str, text: str) -> None:
    await server.emit("echo", text, to=sid)


@server.event
async def join(sid: str, room: str) -> None:
    await server.enter_room(sid, room)
    await server.save_session(sid, {"room": room})
    await server.emit("joined", room, to=sid)


@server.event
async def said(sid: str, text: str) -> None:
    session: dict[str, Any] = await server.get_session(sid)
    await server.emit("said", text, room=session["room"])
