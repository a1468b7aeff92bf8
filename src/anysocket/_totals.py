"""What many connections have carried together, those that have ended included."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anysocket._close import SLOW_CONSUMER
from anysocket._state import State

if TYPE_CHECKING:
    from anysocket._statistics import ConnectionStatistics
    from anysocket._websocket import WebSocket

SUMMED = (
    "messages_received",
    "bytes_received",
    "messages_sent",
    "bytes_sent",
    "messages_dropped",
    "bytes_dropped",
)
"""The fields of a connection's statistics that only grow."""


@dataclass(frozen=True, slots=True)
class ManagerStatistics:
    """A manager's connections at one moment. What is received, sent and dropped only grows: it includes
    the connections that have ended. Bytes are those of the messages' payloads, text as UTF-8."""

    connections: int
    rooms: dict[str, int]
    """How many connections are in each room."""
    messages_received: int
    bytes_received: int
    messages_sent: int
    bytes_sent: int
    messages_queued: int
    """Messages of broadcasts that wait for their peers now, and their bytes."""
    bytes_queued: int
    most_messages_queued: int
    """The longest queue of one connection; ``most_bytes_queued`` may be another one's."""
    most_bytes_queued: int
    messages_dropped: int
    bytes_dropped: int
    slow_consumers: int
    """Connections that were closed with 1013 because they did not read fast enough."""
    closes: dict[int, int]
    """How many connections have ended by code, 1006 for those without a close frame."""


class Totals:
    """The books of connections that come and go, with nothing to do for a message."""

    __slots__ = ("_closes", "_ended", "_flushing", "_slow_consumers")

    def __init__(self) -> None:
        self._ended: Counter[str] = Counter()
        self._flushing: deque[WebSocket] = deque()
        """Closed by us with messages before the close frame that are not sent yet, and may never be."""
        self._closes: Counter[int] = Counter()
        self._slow_consumers = 0

    def joined(self, websocket: WebSocket) -> None:
        """It counts from now on. What it has carried before does not, nor twice when it comes back."""
        self._add(websocket.statistics, -1)

    def left(self, websocket: WebSocket) -> None:
        """It does not count any more; what it has carried does."""
        self._settle()
        if websocket._closed is not None:
            self._closes[websocket._closed.code] += 1
            end = websocket._closed.code, websocket._closed.reason
            self._slow_consumers += websocket._closed.by == "us" and end == SLOW_CONSUMER
        if websocket._state is State.CLOSING and websocket.statistics.messages_queued:
            self._flushing.append(websocket)
        else:
            self._add(websocket.statistics, 1)

    def statistics(self, live: Iterable[WebSocket], rooms: Mapping[str, Sized]) -> ManagerStatistics:
        """All of it, given the connections that count now."""
        self._settle()
        present = [websocket.statistics for websocket in live]
        flushing = [websocket.statistics for websocket in self._flushing]
        sums = {
            field: self._ended[field] + sum(getattr(each, field) for each in (*present, *flushing))
            for field in SUMMED
        }
        return ManagerStatistics(
            connections=len(present),
            rooms={room: len(members) for room, members in rooms.items()},
            messages_queued=sum(each.messages_queued for each in present),
            bytes_queued=sum(each.bytes_queued for each in present),
            most_messages_queued=max((each.messages_queued for each in present), default=0),
            most_bytes_queued=max((each.bytes_queued for each in present), default=0),
            slow_consumers=self._slow_consumers,
            closes=dict(self._closes),
            **sums,
        )

    def _settle(self) -> None:
        while self._flushing and self._flushing[0]._state is State.CLOSED:
            self._add(self._flushing.popleft().statistics, 1)

    def _add(self, statistics: ConnectionStatistics, sign: int) -> None:
        for field in SUMMED:
            self._ended[field] += sign * getattr(statistics, field)
