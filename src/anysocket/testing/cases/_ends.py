"""How an end is noticed: by the peer and by the handler."""

from __future__ import annotations

import asyncio
import time

from anysocket._websocket import WebSocket
from anysocket.testing._case import SEE_TIMEOUT, Client
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, outcome
from anysocket.testing._stopwatch import stopwatch

SOON = 1.0
NOTICED = "noticed"
"""What a handler notes at the moment in which it learns of the end."""
SENDING_SECONDS = 5.0


async def noticed_soon(client: Client) -> None:
    """Note whether the handler has noticed the end within a second from now."""
    async with stopwatch() as watch:
        try:
            async with asyncio.timeout(SEE_TIMEOUT):
                await client.noted(NOTICED)
        except TimeoutError:
            client.note("never noticed")
        else:
            client.note("noticed within a second" if watch.seconds < SOON else "noticed later")


async def answered_soon(client: Client, peer: Peer) -> None:
    """Note whether the peer's close is answered by a close within a second; servers differ in its code."""
    async with stopwatch() as watch:
        text = await client.see_end(peer)
        soon = text.startswith("close ") and watch.seconds < SOON
    client.notes[-1] = "answered within a second" if soon else "not answered within a second"


async def loop(websocket: WebSocket) -> None:
    """Loop over all messages."""
    async for _ in websocket:
        pass


async def loop_ended(websocket: WebSocket) -> str:
    """Loop over all messages and say how that ends."""
    return (await outcome(loop(websocket))).replace("done", "the loop ends")


async def send_to_the_end(websocket: WebSocket, stage: Stage, pause: float) -> None:
    """Send until that fails, for 5 s at most, and note how."""
    came, begun = "done", time.monotonic()
    while came == "done":
        if time.monotonic() - begun > SENDING_SECONDS:
            came = "TimeoutError"
        else:
            came = await outcome(websocket.send_text("tick"))
            await asyncio.sleep(pause)
    note_end(stage, came)


def note_end(stage: Stage, came: str) -> None:
    """Note that a send failed, and how."""
    if came == "TimeoutError":
        stage.note("never told")
        return
    stage.note(NOTICED)
    # A send that fails tells only that the connection is over: whether by a close comes with a receive.
    stage.note("ConnectionClosed" if came.startswith("closed ") else came)
