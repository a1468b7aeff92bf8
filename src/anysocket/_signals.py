"""SIGTERM and SIGINT, heard before the server hears them: the apps end first, then the server is told.

Servers end connections each in its own way, and most of them badly. What a server does when it is told is
none of our business; how it is told is the adapter's, where it knows, or else that of the handler which was
there before ours.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any, NamedTuple, Protocol

logger = logging.getLogger("anysocket")

NUMBERS = (signal.SIGTERM, signal.SIGINT)
SAME = 1.0
"""Seconds within which several signals are one: Ctrl-C reaches every process, and then the server's main
process tells its workers; so does systemd."""


class Ends(Protocol):
    """What ends on a signal."""

    async def drain(self) -> None: ...

    def hasten(self) -> None: ...


class _Taken(NamedTuple):
    """A signal whose handler we have replaced: how to put that back, and how to call it."""

    put_back: Callable[[], object]
    call: Callable[[], object]


class SignalWatch:
    """The signals of one event loop in the main thread. ``stop`` makes the server end, if the adapter knows
    how. ``again``: whether a second signal hastens the end; not where the server itself sends more than one.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, stop: Callable[[], object] | None, *, again: bool
    ) -> None:
        self.loop = loop
        self.apps: dict[Ends, Callable[[], Awaitable[object]]] = {}
        self._stop = stop
        self._again = again
        self._taken: dict[int, _Taken] = {}
        self._ending: asyncio.Task[None] | None = None
        self._began = 0.0
        for number in NUMBERS:
            self._take(number)

    def begin(self) -> None:
        """End the apps, then stop the server."""
        if self._stop is not None:
            self._end(self._stop)

    def release(self) -> None:
        """Put back the handlers that were there before."""
        taken, self._taken = self._taken, {}
        for each in taken.values():
            each.put_back()

    def _take(self, number: int) -> None:
        """Put our handler in the place of the one that is there. There must be one: who has not asked for a
        signal is ended by it, or ignores it, as ever."""
        before: Any = signal.getsignal(number)
        by_loop: Any = getattr(self.loop, "_signal_handlers", {}).get(number)
        if before in (None, signal.SIG_IGN):
            return
        if self._stop is not None:
            self._take_from_loop(number, put_back=_nothing, call=self._stop)
        elif by_loop is not None:
            callback, arguments = by_loop._callback, by_loop._args
            again = partial(self.loop.add_signal_handler, number, callback, *arguments)
            self._take_from_loop(number, put_back=again, call=partial(callback, *arguments))
        elif _is_of_loop(self.loop, before):
            # uvloop and rloop do not tell what they call. Servers do the same for both signals, so the other
            # one is left in place for us to end with.
            if number == signal.SIGTERM:
                interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
                self._take_from_loop(number, put_back=_nothing, call=interrupt)
        elif before not in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, self._interrupted)
            put_back = partial(self._put_back, number, before)
            self._taken[number] = _Taken(put_back, partial(before, number, None))

    def _put_back(self, number: int, before: Any) -> None:
        """Unless somebody has taken the place of our own handler meanwhile: the one before may be of a loop
        that has ended long ago."""
        if signal.getsignal(number) == self._interrupted:
            signal.signal(number, before)

    def _take_from_loop(
        self, number: int, *, put_back: Callable[[], object], call: Callable[[], object]
    ) -> None:
        self.loop.add_signal_handler(number, self._woken, number)
        # The loop learns of a signal from a pipe, which is full while other threads wake a busy loop (Granian
        # does, for each message): then it would never hear. The interpreter's own handler always does.
        signal.signal(number, self._interrupted)
        signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
        self._taken[number] = _Taken(lambda: self.loop.is_closed() or put_back(), call)

    def _woken(self, number: int) -> None:
        """By the loop: news only if somebody else has taken the place of our own handler meanwhile."""
        if signal.getsignal(number) != self._interrupted:
            self._hear(number)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        """Between any two instructions of the main thread: leave all else to the loop."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._hear, number)
        elif number in self._taken:
            call = self._taken[number].call
            self.release()
            call()

    def _hear(self, number: int) -> None:
        if self._ending is not None and self._again and self.loop.time() - self._began > SAME:
            logger.info("%s again: no more time", signal.Signals(number).name)
            for app in self.apps:
                app.hasten()
        elif number in self._taken:
            self._end(self._taken[number].call)

    def _end(self, then: Callable[[], object]) -> None:
        if self._ending is None:
            self._began = self.loop.time()
            self._ending = self.loop.create_task(self._end_apps(then))

    async def _end_apps(self, then: Callable[[], object]) -> None:
        ends = [end() for end in self.apps.values()]
        for outcome in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger.error("an app did not end well", exc_info=outcome)
        self.release()
        then()


_watch: SignalWatch | None = None


def drain_on_signals(
    app: Ends,
    loop: asyncio.AbstractEventLoop,
    *,
    stop: Callable[[], object] | None = None,
    end: Callable[[], Awaitable[object]] | None = None,
    again: bool = True,
) -> SignalWatch | None:
    """From now on SIGTERM and SIGINT drain ``app`` (or do what ``end`` does) before the server hears of them.

    Several apps of one loop end together. Called in another thread than the main one, which is the only one
    to get signals, it does nothing and returns None. For ``stop`` and ``again`` see :class:`SignalWatch`.
    """
    global _watch
    if threading.current_thread() is not threading.main_thread():
        logger.debug("not in the main thread: signals do not drain this app, the end of its lifespan does")
        return None
    if _watch is not None and _watch.loop is not loop:
        _watch.release()
        _watch = None
    if _watch is None:
        _watch = SignalWatch(loop, stop, again=again)
    _watch.apps[app] = end or app.drain
    return _watch


def is_watched(app: Ends) -> bool:
    """Whether signals drain this app."""
    return _watch is not None and app in _watch.apps


def forget(app: Ends) -> None:
    """The app has ended: with the last one, signals are again handled as they were before."""
    global _watch
    if _watch is not None and _watch.apps.pop(app, None) is not None and not _watch.apps:
        _watch.release()
        _watch = None


def _nothing() -> None:
    """There is nothing to put back."""


def _is_of_loop(loop: asyncio.AbstractEventLoop, handler: Any) -> bool:
    """Whether a handler is what an event loop puts there to be woken."""
    home = str(getattr(handler, "__module__", None)).partition(".")[0]
    return getattr(handler, "__self__", None) is loop or home == type(loop).__module__.partition(".")[0]
