"""What stands between a server and an inbox where somebody must know when the peer is heard of.

Where nobody must, there is nothing, and a message costs nothing more.
"""

from __future__ import annotations

from collections.abc import Awaitable
from time import monotonic
from typing import Any, Protocol

from anysocket._message import Message

TAKEN = Message("error", code=0)
"""What an intake hands on in place of a message that is for itself: an inbox drops it."""


class Receiving(Protocol):
    """The half of :class:`~anysocket._transport.Transport` that receives."""

    @property
    def cancel_safe(self) -> bool: ...

    def receive(self) -> Awaitable[Any]: ...

    def decode(self, event: Any) -> Message: ...


class Intake:
    """Receives in the place of ``inner`` and keeps the time, for a subclass that judges what comes.

    Time in which nobody receives, as the handler does not read, is not the peer's: it is no silence.
    """

    __slots__ = ("_away_since", "_begun", "_decode", "_heard_at", "_receive", "cancel_safe")

    def __init__(self, inner: Receiving) -> None:
        self._receive = inner.receive
        self._decode = inner.decode
        self.cancel_safe = inner.cancel_safe
        self._begun = False
        self._heard_at = 0.0
        self._away_since: float | None = None

    def receive(self) -> Awaitable[Any]:
        """As the transport's. A receive that was cancelled and one that follows are one."""
        if not self._begun:
            self._begun = True
            self._heard_at = monotonic()
            self._begin(self._heard_at)
        elif self._away_since is not None:
            self._back(monotonic() - self._away_since)
            self._away_since = None
        return self._receive()

    def decode(self, event: Any) -> Message:
        """As the transport's."""
        message = self._decode(event)
        now = self._away_since = monotonic()
        return self._arrived(message, now)

    @property
    def silence(self) -> float:
        """Seconds that the peer was listened to and has sent no message."""
        until = monotonic() if self._away_since is None else self._away_since
        return until - self._heard_at

    def _begin(self, now: float) -> None:
        """The connection is accepted, and the first message awaited."""

    def _back(self, away: float) -> None:
        """Somebody receives again, after so many seconds."""
        self._heard_at += away

    def _arrived(self, message: Message, now: float) -> Message:
        """Something came; what to take in its place, ``TAKEN`` for nothing."""
        if message.code is None:
            self._heard_at = now
        return message
