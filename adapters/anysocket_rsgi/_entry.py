"""The doors of RSGI: a worker starts and stops, a connection comes in."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import FrameType
from typing import Any, NoReturn

from anysocket import App, UnsupportedByTransport
from anysocket_rsgi._http import run_asgi_http
from anysocket_rsgi._scope import build_scope
from anysocket_rsgi._transport import CAPABILITIES, REMEDY, SERVER, RSGITransport

logger = logging.getLogger("anysocket")

RUST_TASKS = (
    "Granian's --task-impl rust cannot run WebSockets: it leaks every message and breaks cancellation and "
    "timeouts. Start it with --task-impl asyncio, which is the default"
)
MOUNTED = "under RSGI those serve HTTP only; `granian --interface asgi` serves their WebSockets, too"


def start_worker(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Check that the app can run here and enter its lifespan. ``SystemExit`` ends the worker if not."""
    if _task_implementation(sys._getframe()) == "rust":
        _refuse(RUST_TASKS)
    try:
        app.check_server(SERVER, CAPABILITIES, REMEDY)
    except UnsupportedByTransport as error:
        _refuse(str(error))
    loop.run_until_complete(app.lifespan.start())


def stop_worker(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Leave the app's lifespan."""
    loop.run_until_complete(app.lifespan.stop())


async def serve_rsgi(app: App, scope: Any, protocol: Any) -> None:
    """One connection or request."""
    if scope.proto != "ws":
        await run_asgi_http(app.http, scope, protocol, app.lifespan.state)
        return
    if app.mounted(scope.path):
        logger.warning("a WebSocket to %s is for a mounted ASGI app: %s", scope.path, MOUNTED)
    transport = RSGITransport(build_scope(scope, app.lifespan.state), protocol)
    try:
        # Where the start-up check had nothing to look at, the first connection finds out.
        if type(asyncio.current_task()).__name__ == "_CBSchedulerTask":
            logger.critical(RUST_TASKS)
            return
        await app.serve(transport)
    finally:
        transport.release()


def _task_implementation(frame: FrameType | None) -> str | None:
    """What ``--task-impl`` is set to. Granian hands it to its worker's main function and to nobody else,
    so that is where we look; None if nothing of Granian is calling."""
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("granian.") and "task_impl" in frame.f_locals:
            implementation = frame.f_locals["task_impl"]
            return str(getattr(implementation, "value", implementation))
        frame = frame.f_back
    return None


def _refuse(why: str) -> NoReturn:
    logger.critical("%s", why)
    raise SystemExit(f"anysocket: {why}")
