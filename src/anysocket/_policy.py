"""What becomes of a room's message to a member that is too slow."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, get_args


@dataclass(frozen=True, slots=True)
class Conflate:
    """The policy that :func:`conflate` makes."""

    key: Callable[[Any], Hashable]


Named = Literal["disconnect", "drop_oldest", "drop_newest", "block"]
NAMES: tuple[str, ...] = get_args(Named)
OutboxPolicy = Named | Conflate
"""What becomes of a message when it does not fit into a member's outbox any more:

* ``"disconnect"``: the member is closed with 1013, "slow consumer";
* ``"drop_oldest"``: the oldest messages that wait there, of those sent with this policy, are dropped until it
  fits; if none is left, it is dropped itself;
* ``"drop_newest"``: it is dropped;
* ``"block"``: the broadcast waits, before anybody gets it, until it fits everywhere;
* ``conflate(key)``: it takes the place of a waiting message with the same key; if there is none, as
  ``"disconnect"``.

Whatever the policy of a message, it first pushes out waiting ones that were sent with ``"drop_oldest"``.
Nothing else is ever dropped for it: a message is lost by its own policy only.
"""


def conflate(key: Callable[[Any], Hashable]) -> Conflate:
    """The policy that keeps only the newest of the waiting messages with one key: prices, cursors, presence.

    ``key`` is called once for each broadcast, with the message, a ``str`` or ``bytes``; what it raises is
    raised by the broadcast, which is sent to nobody then. Keys of different rooms have nothing to do with
    each other. The newer message takes the place of the older one, so that no key waits longer because it
    changes more often: it may reach a slow member before messages of other keys that were sent earlier.
    """
    if not callable(key):
        raise TypeError(f"conflate() takes a function that gives a message's key, not {key!r}")
    return Conflate(key)


def check_policy(policy: object) -> None:
    """``ValueError`` if it is none."""
    if not isinstance(policy, Conflate) and policy not in NAMES:
        names = ", ".join(map(repr, NAMES))
        raise ValueError(f"a policy is one of {names}, or conflate(key), not {policy!r}")


class Policies:
    """Which policy a room has: its own, that of its kind, or the common one.

    What is kept is what a program says, and does not grow with the rooms that come and go.
    """

    def __init__(self, common: OutboxPolicy) -> None:
        check_policy(common)
        self.common: OutboxPolicy = common
        """Of messages that go to no room."""
        self._rooms: dict[str, OutboxPolicy] = {}
        self._kinds: dict[str, OutboxPolicy] = {}

    def set(self, room: str, policy: OutboxPolicy | None) -> None:
        """For one room, or by ``"beginning*"`` for all whose names begin so; None takes it back."""
        kept, name = (self._kinds, room[:-1]) if room.endswith("*") else (self._rooms, room)
        if policy is None:
            kept.pop(name, None)
        else:
            check_policy(policy)
            kept[name] = policy

    def of(self, room: str) -> OutboxPolicy:
        """Its own comes first, then the one with the longest beginning."""
        own = self._rooms.get(room)
        if own is not None:
            return own
        beginnings = [beginning for beginning in self._kinds if room.startswith(beginning)]
        return self._kinds[max(beginnings, key=len)] if beginnings else self.common
