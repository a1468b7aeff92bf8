"""The numbers of messages between processes.

Each node counts what it publishes, for each topic apart: so the others notice what is missing, and drop what
comes late or twice.
"""

from __future__ import annotations

from collections import OrderedDict

MAX_COUNTED = 1 << 16
"""How many topics a node counts at a time. The one used longest ago is forgotten, and begins anew."""
MAX_NODES = 1 << 10
"""How many nodes are told apart in one topic: programs that publish come and go."""


class Numbering:
    """What this node publishes."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def next(self, topic: str) -> int:
        """The number of the next message to this topic."""
        number = self._last.get(topic, 0) + 1
        self._last[topic] = number
        self._last.move_to_end(topic)
        if len(self._last) > MAX_COUNTED:
            self._last.popitem(last=False)
        return number


class Arrivals:
    """What the others publish, to the topics that are followed."""

    def __init__(self) -> None:
        self._last: dict[str, OrderedDict[bytes, int]] = {}

    def missed(self, topic: str, node: bytes, number: int) -> int | None:
        """How many messages of this node should have come before this one and did not, as far as can be
        known; None for a message that comes twice, or too late."""
        nodes = self._last.setdefault(topic, OrderedDict())
        last = nodes.get(node)
        if last is not None and 1 < number <= last:
            return None
        nodes[node] = number
        nodes.move_to_end(node)
        if len(nodes) > MAX_NODES:
            nodes.popitem(last=False)
        # It began to count anew: what there was before, nobody knows.
        return 0 if last is None or number == 1 else number - last - 1

    def forget(self, topic: str) -> None:
        """It is not followed any more: what comes there is not missed."""
        self._last.pop(topic, None)
