"""When a file is opened: Granian opens that of a response after it was handed over, and tells nobody.

An app may remove the file as soon as its ``send`` returns, as Starlette's background tasks do. So ``send``
waits until Linux has told of the opening (inotify(7)); what was opened can be removed.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
import threading
from collections import deque

IN_OPEN = 0x20
EVENT = struct.Struct("iIII")
"""Of inotify: the watch, what happened, a cookie, and the length of the name that follows."""
TIMEOUT = 1.0
"""Seconds. A client that left at that moment leaves the file unopened."""


class Openings:
    """The files that one event loop waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Raises ``OSError`` where the system has no inotify, or none to spare."""
        self.loop = loop
        if not sys.platform.startswith("linux"):
            raise OSError("no inotify on this system")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        loop.add_reader(self._inotify, self._read)

    def next(self, path: str) -> asyncio.Future[None]:
        """Done when anybody opens the file from now on. ``OSError`` if it cannot be watched."""
        watch = self._checked(self._libc.inotify_add_watch(self._inotify, os.fsencode(path), IN_OPEN))
        opened = self.loop.create_future()
        self._waiting.setdefault(watch, deque()).append(opened)
        opened.add_done_callback(lambda _: self._forget(watch, opened))
        return opened

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def _read(self) -> None:
        events = os.read(self._inotify, 1 << 16)
        while events:
            watch, happened, _, length = EVENT.unpack_from(events)
            events = events[EVENT.size + length :]
            # Several wait for one file where it is sent several times: as many openings will come.
            if happened & IN_OPEN and (waiting := self._waiting.get(watch)):
                opened = waiting.popleft()
                if not opened.done():
                    opened.set_result(None)

    def _forget(self, watch: int, opened: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(watch)
        if waiting is not None:
            if opened in waiting:
                waiting.remove(opened)
            if not waiting:
                del self._waiting[watch]
                self._libc.inotify_rm_watch(self._inotify, watch)

    def close(self) -> None:
        """Watch no more."""
        if not self.loop.is_closed():
            self.loop.remove_reader(self._inotify)
        os.close(self._inotify)


_thread = threading.local()


def next_opening(path: str) -> asyncio.Future[None] | None:
    """Done when anybody opens the file; None where that cannot be told."""
    loop = asyncio.get_running_loop()
    openings: Openings | None = getattr(_thread, "openings", None)
    try:
        if openings is None or openings.loop is not loop:
            if openings is not None:
                openings.close()
            openings = _thread.openings = Openings(loop)
        return openings.next(path)
    except OSError:
        return None


async def opened(opening: asyncio.Future[None] | None) -> None:
    """Wait for an opening, but not for long."""
    if opening is not None:
        await asyncio.wait({opening}, timeout=TIMEOUT)
        opening.cancel()
