"""Apps that need what not every server has: ``REQUIRES`` names the capability."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from anysocket import App, Capability


@contextlib.asynccontextmanager
async def leave_a_trace(app):
    trace = Path(os.environ["TRACE"])
    yield {"number": 7}
    trace.write_text("the lifespan ended")  # noqa: ASYNC240 - nothing else runs any more


@contextlib.asynccontextmanager
async def fail_to_start(app):
    raise RuntimeError("the database is not there")
    yield {}


async def say_state(websocket):
    await websocket.accept()
    await websocket.send_text(str(getattr(websocket.state, "number", None)))


requiring = App(requires=Capability[os.environ.get("REQUIRES", "SUBPROTOCOL")])
negotiating = App()
traced = App(lifespan=leave_a_trace)
failing = App(lifespan=fail_to_start)
requiring.websocket("/")(say_state)
traced.websocket("/")(say_state)
failing.websocket("/")(say_state)
negotiating.websocket("/", subprotocols=["chat.v2", "chat.v1"])(say_state)
