"""The private messages example, with users to whom nothing can be delivered.

A connection that fails just while it is sent to is a race that no client can bring about at will; here
the connection of a user under ``/broken`` fails every time, as that of a peer that was lost does.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anysocket import ConnectionClosed, WebSocket

sys.path.insert(0, str(Path(__file__).parents[2]))  # served from this folder, it does not find the examples

from examples.private_messages import app, manager

__all__ = ["app"]


@app.websocket("/broken/<user>")
async def broken(websocket: WebSocket, user: str) -> None:
    async def fail(data: object) -> None:
        raise ConnectionClosed(1006, by="lost")

    await websocket.accept()
    websocket.send_json = fail  # type: ignore[method-assign]
    manager.add_connection(user, websocket)
    await websocket.send_text("broken")
    await websocket.wait_closed()
