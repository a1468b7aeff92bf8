"""What one connection has carried so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from anysocket._inbox import Inbox
from anysocket._outbox import Outbox


@dataclass(frozen=True, slots=True)
class ConnectionStatistics:
    """A connection's counters at one moment. Bytes are those of the messages' payloads, text as UTF-8."""

    connected_at: datetime
    """When its handshake arrived, in UTC."""
    messages_received: int
    """Text and bytes messages that have arrived, read or unread; none above ``max_message_bytes``."""
    bytes_received: int
    messages_sent: int
    """Messages that the server has taken."""
    bytes_sent: int
    messages_queued: int
    """Messages of broadcasts that wait for the peer now."""
    bytes_queued: int
    messages_dropped: int
    """Messages of broadcasts that never reached the server: dropped by a policy, replaced by a newer one, or
    still waiting when the connection ended."""
    bytes_dropped: int
    round_trip: float | None
    """Seconds that the last heartbeat took to the peer and back; None where nothing measures it."""


class Counted:
    """The part of a WebSocket that tells its statistics."""

    __slots__ = ()

    _inbox: Inbox
    _outbox: Outbox
    _arrived_at: float
    _round_trip: float | None

    @property
    def statistics(self) -> ConnectionStatistics:
        """What this connection has carried so far. May be read at any time, also after the end."""
        inbox, outbox = self._inbox, self._outbox
        return ConnectionStatistics(
            connected_at=datetime.fromtimestamp(self._arrived_at, UTC),
            messages_received=inbox.messages_received,
            bytes_received=inbox.bytes_received,
            messages_sent=outbox.sends + outbox.posts,
            bytes_sent=outbox.bytes_sent,
            messages_queued=outbox.backlog.messages,
            bytes_queued=outbox.backlog.bytes,
            messages_dropped=outbox.backlog.messages_dropped,
            bytes_dropped=outbox.backlog.bytes_dropped,
            round_trip=self._round_trip,
        )
