"""The floor on ASGI: no library. A broadcast starts all sends together, then waits for them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

rooms: defaultdict[str, set[Any]] = defaultdict(set)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"].startswith("/rooms/"):
        await member(receive, send, rooms[scope["path"]])
    else:
        await echo(receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    for step in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{step}.complete"})


async def echo(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        text = event.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


async def member(receive: Any, send: Any, room: set[Any]) -> None:
    room.add(send)
    try:
        while (event := await receive())["type"] == "websocket.receive":
            message = {"type": "websocket.send", "text": event["text"]}
            await asyncio.gather(*(other(message) for other in room), return_exceptions=True)
    finally:
        room.discard(send)
