"""An app that answers unknown paths with 404, and one that keeps to named origins."""

from __future__ import annotations

import os

from anysocket import App

app = App(unmatched="deny", allowed_origins=["https://app.example"])


@app.websocket("/echo")
async def echo(websocket):
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/process")
async def process(websocket):
    await websocket.accept()
    await websocket.send_json({"pid": os.getpid(), "sockets": None})
