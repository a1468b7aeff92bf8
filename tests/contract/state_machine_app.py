"""A handler that does what its script says, step by step, when it is given the cue for each."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from typing import Any

from anysocket import App, Denied, WebSocket
from anysocket.testing._stage import HEADER, Backstage, Stage, outcome
from anysocket_conformance._remote import FOLDER, RemoteBackstage

POLL = 0.005


def build(backstage: Backstage) -> App:
    """The app; ``/play?steps=[[number, call, argument], …]`` is a handler."""
    app = App()

    @app.websocket("/play")
    async def play(websocket: WebSocket) -> None:
        with backstage.open(websocket.headers.get(HEADER, "")) as stage:
            for number, call, argument in json.loads(websocket.query_params["steps"]):
                await stage.cue(str(number))
                await perform(websocket, stage, number, call, argument)
                if call == "return":
                    return

    return app


async def perform(websocket: WebSocket, stage: Stage, number: int, call: str, argument: Any) -> None:
    """One step; what came of it is noted. Raises what a script wants to be raised."""
    if call in ("raise", "denied", "return"):
        stage.note(f"{number}: done")
        if call == "raise":
            raise LookupError("as the script says")
        if call == "denied":
            raise Denied(argument)
        return
    stage.note(f"{number}: {await outcome(calls(websocket, call, argument))}, closed: {websocket.closed}")


def calls(websocket: WebSocket, call: str, argument: Any) -> Coroutine[Any, Any, object]:
    match call:
        case "accept":
            return websocket.accept()
        case "deny":
            return websocket.deny(argument)
        case "send":
            return websocket.send_text(argument)
        case "close":
            return websocket.close(*argument)
        case "receive":
            return asyncio.wait_for(websocket.receive(), argument)
        case "wait":
            return asyncio.wait_for(websocket.wait_closed(), argument)
        case "unread":
            return asyncio.wait_for(unread(websocket, *argument), argument[1])
    raise ValueError(call)


async def unread(websocket: WebSocket, count: int, timeout: float) -> None:
    """Wait until so many messages have come that nobody has read."""
    while len(websocket._inbox._messages) < count:
        await asyncio.sleep(POLL)


app = build(RemoteBackstage(os.environ.get(FOLDER, "")))
