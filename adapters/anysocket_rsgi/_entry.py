"""The doors of RSGI: a worker starts and stops, a connection comes in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from anysocket import App, UnsupportedByTransport
from anysocket._siblings import has_siblings
from anysocket._signals import drain_on_signals, forget
from anysocket_rsgi._asgi_websocket import Unsupported, run_asgi_websocket
from anysocket_rsgi._http import run_asgi_http
from anysocket_rsgi._scope import build_scope
from anysocket_rsgi._transport import CAPABILITIES, REMEDY, SERVER, RSGITransport
from anysocket_rsgi._worker import RUST_TASKS, end_worker, granian_stop, granian_workers, refuse_rust_tasks

logger = logging.getLogger("anysocket")

UNSUPPORTED = Unsupported("error")
"""A mounted ASGI app is told what RSGI cannot carry, as an anysocket handler is."""


def start_worker(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Check that the app can run here and enter its lifespan. ``SystemExit`` ends the worker if not."""
    refuse_rust_tasks()
    if granian_workers() > 1:
        has_siblings(f"{SERVER} runs several workers")
    try:
        app.check_server(SERVER, CAPABILITIES, REMEDY)
    except UnsupportedByTransport as error:
        end_worker(str(error))
    loop.run_until_complete(app.start())
    drain_on_signals(app, loop, stop=granian_stop())


def stop_worker(app: App, loop: asyncio.AbstractEventLoop) -> None:
    """Leave the app's lifespan, once the handlers have ended that no signal has ended before."""
    forget(app)
    loop.run_until_complete(app.stop())


def serve_rsgi(app: App, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
    """What serves one connection or request. It is no coroutine itself: each one around a handler is memory
    for every connection, and a step more on the way of every message."""
    state = app.lifespan.state
    if scope.proto != "ws":
        return run_asgi_http(app.http, scope, protocol, state)
    if app.accepting and app.mounted(scope.path):
        return _serve_mounted(app, scope, protocol)
    return _serve_websocket(app, RSGITransport(build_scope(scope, state), protocol))


async def _serve_mounted(app: App, scope: Any, protocol: Any) -> None:
    guest = app.watch(f"of a mounted app at {scope.path}")
    serving = run_asgi_websocket(
        app.http, scope, protocol, app.lifespan.state, UNSUPPORTED, on_accept=guest.set_websocket
    )
    with guest.around(serving):
        await serving


async def _serve_websocket(app: App, transport: RSGITransport) -> None:
    try:
        # Where the start-up check had nothing to look at, the first connection finds out.
        if type(asyncio.current_task()).__name__ == "_CBSchedulerTask":
            logger.critical(RUST_TASKS)
            return
        await app.serve(transport)
    finally:
        transport.release()
