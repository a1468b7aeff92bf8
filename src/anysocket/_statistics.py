"""What one connection has carried so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
