"""Tells whether an anysocket app got picows' transport or ASGI's events."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket import App, WebSocket
from anysocket._watch import INTERVAL

app = App()


@app.websocket("/transport")
async def transport(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(
        [type(websocket._transport).__name__, websocket.scope.scheme, client(websocket)]
    )
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/busy")
async def busy(websocket: WebSocket) -> None:
    """Does something else for longer than it takes until a receive is put in flight for it."""
    await websocket.accept()
    async for message in websocket:
        await asyncio.sleep(2 * INTERVAL)
        await websocket.send(message.data)


def client(websocket: WebSocket) -> str | None:
    return websocket.client.host if websocket.client else None


async def wrapped(scope: Any, receive: Any, send: Any) -> None:
    """A middleware that wants to see what is sent."""

    async def counted(event: Any) -> None:
        await send(event)

    await app(scope, receive, counted)
