"""How fast a peer may send, and how long it may say nothing."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING

from anysocket._errors import LimitExceeded
from anysocket._intake import Intake, Receiving
from anysocket._log_fields import log_fields

if TYPE_CHECKING:
    from anysocket._limits import Limits
    from anysocket._message import Message
    from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")

POLICY_VIOLATION = 1008
"""The close code of limits (RFC 6455 section 7.4.1)."""


def keep_pace(websocket: WebSocket, limits: Limits) -> None:
    """Let the limits on messages and on silence hold for a connection that is not accepted yet."""
    rate, idle = _finite(limits.messages_per_second), _finite(limits.idle_timeout)
    if rate is not None:
        burst = limits.message_burst or max(1, math.ceil(rate))
        websocket._inbox.receive_through(lambda inner: Meter(inner, websocket, rate, burst))
    if idle is not None:
        websocket._inbox.receive_through(lambda inner: Patience(inner, websocket, idle))


class Meter(Intake):
    """Closes a connection that sends more than ``rate`` messages a second, ``burst`` of them at once.

    A token bucket, which fills up while the peer is listened to and never overflows, but for the time in
    which it is not: what it has sent meanwhile waits to be read all at once.
    """

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens", "_websocket")

    def __init__(self, inner: Receiving, websocket: WebSocket, rate: float, burst: int) -> None:
        super().__init__(inner)
        self._websocket = websocket
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = 0.0

    def _begin(self, now: float) -> None:
        self._filled_at = now

    def _back(self, away: float) -> None:
        super()._back(away)
        self._filled_at += away
        self._tokens += self._rate * away

    def _arrived(self, message: Message, now: float) -> Message:
        if message.code is None:
            filled = self._tokens + self._rate * (now - self._filled_at)
            self._filled_at = now
            self._tokens = max(self._tokens, min(filled, self._burst))
            if self._tokens >= 1:
                self._tokens -= 1
            else:
                close_for(self._websocket, LimitExceeded("messages_per_second", self._rate))
        return super()._arrived(message, now)


class Patience(Intake):
    """Closes a connection whose peer sends nothing for ``seconds``."""

    __slots__ = ("_seconds", "_timer", "_websocket")

    def __init__(self, inner: Receiving, websocket: WebSocket, seconds: float) -> None:
        super().__init__(inner)
        self._websocket = websocket
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        websocket._notify_end(self._stop)

    def _begin(self, now: float) -> None:
        self._look_again_in(self._seconds)

    def _look(self) -> None:
        left = self._seconds - self.silence
        if left > 0:
            self._look_again_in(left)
        else:
            close_for(self._websocket, LimitExceeded("idle_timeout", self._seconds))

    def _look_again_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _stop(self, _: WebSocket) -> None:
        if self._timer is not None:
            self._timer.cancel()


def close_for(websocket: WebSocket, exceeded: LimitExceeded) -> None:
    """Close with 1008 and the limit's name, unless that was done already; what has been received before is
    still read."""
    if not websocket.closed:
        logger.info("%s is closed: %s", websocket, exceeded, extra=log_fields(websocket))
        websocket._begin_close(POLICY_VIOLATION, limit_name(exceeded), drop_unread=False)


def limit_name(exceeded: LimitExceeded) -> str:
    """The limit's name as a close frame can carry it, which takes 123 bytes (RFC 6455 section 5.5.1)."""
    return exceeded.limit.encode()[:123].decode(errors="ignore")


def _finite(value: float | None) -> float | None:
    return None if value is None or value == math.inf else value
