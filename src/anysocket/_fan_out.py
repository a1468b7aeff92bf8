"""One message to many connections."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from anysocket._inbox import encoded_size
from anysocket._outbox import Outbox
from anysocket._policy import Conflate, OutboxPolicy
from anysocket._websocket import WebSocket

Members = Callable[[], Mapping[str, WebSocket]]
"""Who is to get a message, by id, asked again after each wait."""


def check_message(message: str | bytes, max_bytes: int | None) -> int:
    """Its size in bytes. ``TypeError`` and ``ValueError`` for what no member could be sent: the caller's
    error, once, and not each member's."""
    if not isinstance(message, str | bytes):
        raise TypeError(f"a message is str or bytes, not {type(message).__name__}")
    size = encoded_size(message)
    if max_bytes is not None and size > max_bytes:
        raise ValueError(
            f"message of {size} bytes exceeds max_outbox_bytes={max_bytes}: split it, or give "
            "WebSocketManager(max_outbox_bytes=…) more"
        )
    return size


def message_key(scope: Hashable, policy: OutboxPolicy, message: str | bytes) -> Hashable:
    """By which a member that is too slow gets this message in the place of an older one; None without."""
    if not isinstance(policy, Conflate):
        return None
    key = (scope, policy.key(message))
    hash(key)  # A key that is none is the caller's error, before anybody has got the message.
    return key


def fan_out(
    members: Iterable[WebSocket], message: str | bytes, size: int, policy: OutboxPolicy, key: Hashable
) -> int:
    """Post the message to each of these, without waiting; how many have taken it."""
    count = 0
    for websocket in members:
        count += websocket._outbox.post(message, size, policy, key)
    return count


async def wait_for_room(groups: Sequence[Members], excluded: set[str], size: int) -> None:
    """Wait until everybody in these groups can take ``size`` bytes at the same moment, which lasts until the
    caller awaits. May be cancelled."""
    while (full := _first_full(groups, excluded, size)) is not None:
        await full.room()


def _first_full(groups: Sequence[Members], excluded: set[str], size: int) -> Outbox | None:
    for members in groups:
        for id, websocket in members().items():
            if id not in excluded and not websocket._outbox.has_room(size):
                return websocket._outbox
    return None
