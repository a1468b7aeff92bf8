"""SIGTERM and SIGINT on ASGI servers: the app drains before the server hears of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from anysocket import App
from anysocket._signals import drain_on_signals, is_watched
from anysocket_asgi._profiles import Profile
from anysocket_rsgi._worker import granian_stop, local_of_caller


def watch_signals(app: App, profile: Profile) -> None:
    """Let the signals that end this server drain ``app`` first. Calling it again does nothing."""
    if is_watched(app):
        return
    loop = asyncio.get_running_loop()
    event = local_of_caller("hypercorn.", "shutdown_event")
    if event is not None:
        look = getattr(event.is_set, "__self__", None)
        gate = look if isinstance(look, _Gate) else _Gate(event)
        watch = drain_on_signals(app, loop, stop=gate.open, again=False)
        if watch is not None:
            gate.on_asked = watch.begin
    else:
        drain_on_signals(app, loop, stop=granian_stop(), end=partial(_end, app, profile))


async def _end(app: App, profile: Profile) -> None:
    await app.drain()
    if not profile.has_lifespan or (profile.dies_of_cuts and app.has_cut):
        await app.leave_lifespan()  # Nobody else will.


class _Gate:
    """Hypercorn's main process sends its workers no signal (and when the first of them has ended, it sends
    SIGTERM to the others, however busy): they look at an event, ten times a second. This worker's look goes
    through here, and finds the event set only when the app has ended."""

    def __init__(self, event: Any) -> None:
        self._is_set: Callable[[], bool] = event.is_set
        self._is_open = False
        self.on_asked: Callable[[], object] = self.open
        event.is_set = self._look

    def open(self) -> None:
        """Let the worker end."""
        self._is_open = True

    def _look(self) -> bool:
        if self._is_set():
            self.on_asked()
        return self._is_open
