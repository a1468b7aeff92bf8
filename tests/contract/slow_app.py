"""A member that is sent more than it reads, and whether the server has let go of its connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from typing import Any

from anysocket import App, WebSocket, WebSocketManager, _websocket

# The tests need not wait ten seconds.
_websocket.CLOSE_TIMEOUT = 1.0

app = App()
manager = WebSocketManager(max_outbox_bytes=1 << 17)


@app.websocket("/member")
async def member(websocket: WebSocket) -> None:
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    assert websocket.client is not None
    await websocket.send_text(str(websocket.client.port))
    while await manager.send_to(websocket.id, bytes(1 << 16)):
        await asyncio.sleep(0.001)


@app.get("/held/<int:port>")
async def held(request: Any, port: int) -> dict[str, bool]:
    """Whether this process still has a connection from that port."""
    return {"held": any(_peer_port(int(number)) == port for number in os.listdir("/dev/fd"))}


def _peer_port(number: int) -> int | None:
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            with socket.socket(fileno=os.dup(number)) as found:
                address = found.getpeername()
                return int(address[1]) if isinstance(address, tuple) else None
    return None
