"""Pings at intervals, so that a peer that is gone without a word is noticed (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class Keepalive:
    """Pings every ``interval`` seconds; without an answer within ``timeout`` seconds it calls ``lost``.

    None, or an interval of 0, is never. While ``deaf`` says that TCP is not read, no answer can be seen, and
    the peer is given the benefit of the doubt.
    """

    def __init__(
        self,
        interval: float | None,
        timeout: float | None,
        *,
        ping: Callable[[bytes], object],
        deaf: Callable[[], bool],
        lost: Callable[[], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._deaf = deaf
        self._lost = lost
        self._timer: asyncio.TimerHandle | None = None
        self._awaited: bytes | None = None
        self._sent_at = 0.0
        self._wait(interval or 0.0)

    def pong(self, payload: bytes) -> None:
        """A pong has come; one that answers no ping of ours is of no interest (section 5.5.3)."""
        if payload == self._awaited and self._interval:
            self._awaited = None
            if self._timeout is not None:
                self.stop()
                self._wait(max(0.0, self._interval - (self._loop.time() - self._sent_at)))

    def stop(self) -> None:
        """Ping no more. May be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        if self._interval:
            self._timer = self._loop.call_later(seconds, self._send)

    def _send(self) -> None:
        self._awaited = os.urandom(4)
        self._sent_at = self._loop.time()
        self._ping(self._awaited)
        if self._timeout is None:
            self._wait(self._interval or 0.0)
        else:
            self._timer = self._loop.call_later(self._timeout, self._judge)

    def _judge(self) -> None:
        if self._deaf():
            self._wait(self._interval or 0.0)
        else:
            self._timer = None
            self._lost()
