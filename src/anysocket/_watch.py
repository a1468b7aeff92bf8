"""Who reads? A look around, a few times a second, at the connections whose handlers read by themselves.

A handler that sleeps, or only sends, receives nothing, so nobody would notice that its peer has left. The
watch puts a receive in flight for it. One timer serves all connections of an event loop: looking at one
costs a fraction of a microsecond, a timer for each of them would cost more than the messages. So it is with
those to be looked at soon: a callback for each message would be a turn of the loop for each.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Protocol

INTERVAL = 0.25
"""Seconds. The end of a peer must be noticed within one second, by whatever a handler does."""
SOON = 0.01
"""Seconds for which nobody may receive on a server that answers pings and closes only as it reads."""


class Attended(Protocol):
    """What the watch looks at."""

    def attend(self) -> None: ...


class Watch:
    """The connections of one event loop. It keeps no timer while there are none."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._attended: set[Attended] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._attended_soon: set[Attended] = set()
        self._soon_timer: asyncio.TimerHandle | None = None

    def add(self, attended: Attended) -> None:
        """Look after this one from now on."""
        self._attended.add(attended)
        if self._timer is None:
            self._timer = self.loop.call_later(INTERVAL, self._look)

    def discard(self, attended: Attended) -> None:
        """Look no more after this one."""
        self._attended.discard(attended)

    def look_soon(self, attended: Attended) -> None:
        """Look after this one, once."""
        self._attended_soon.add(attended)
        if self._soon_timer is None:
            self._soon_timer = self.loop.call_later(SOON, self._look_soon)

    def _look_soon(self) -> None:
        self._soon_timer = None
        attended, self._attended_soon = self._attended_soon, set()
        for each in attended:
            each.attend()

    def _look(self) -> None:
        self._timer = None
        for attended in tuple(self._attended):
            attended.attend()
        if self._attended:
            self._timer = self.loop.call_later(INTERVAL, self._look)


_thread = threading.local()


def current_watch() -> Watch:
    """The watch of the running event loop."""
    loop = asyncio.get_running_loop()
    watch: Watch | None = getattr(_thread, "watch", None)
    if watch is None or watch.loop is not loop:
        watch = _thread.watch = Watch(loop)
    return watch
