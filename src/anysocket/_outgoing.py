"""What a node tells the others, as messages for the backplane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anysocket._envelope import Envelope, Kind
from anysocket._incoming import Topics
from anysocket._policy import OutboxPolicy
from anysocket._sequences import Numbering

Message = tuple[str, bytes]
"""A topic, and data."""


class Outgoing:
    """Puts envelopes around what one node publishes, and numbers them."""

    def __init__(self, node: bytes, prefix: str) -> None:
        self.node = node
        self.topics = Topics(prefix)
        self._numbering = Numbering()

    def message(
        self,
        rooms: Sequence[str],
        message: str | bytes,
        excluded: Iterable[str],
        policy: OutboxPolicy | None,
    ) -> list[Message]:
        """To everybody in these rooms, one for each, or to all where there are none."""
        topics = [self.topics.room(room) for room in dict.fromkeys(rooms)] or [self.topics.all]
        names, out = (tuple(rooms) if len(topics) > 1 else ()), tuple(excluded)
        return [
            (
                topic,
                Envelope(
                    Kind.MESSAGE, self.node, self._numbering.next(topic), message, names, out, policy
                ).pack(),
            )
            for topic in topics
        ]

    def question(self, question: Envelope, number: int = 0) -> Message:
        """To every node; without a number nobody waits for the answers."""
        return self.topics.nodes, question._replace(node=self.node, sequence=number).pack()

    def answer(self, question: Envelope, answer: str) -> Message:
        """To the node that has asked; JSON."""
        envelope = Envelope(Kind.ANSWER, self.node, question.sequence, answer)
        return self.topics.node(question.node), envelope.pack()

    def sign(self, kind: Kind) -> Message:
        """Of life, or of its end."""
        return self.topics.nodes, Envelope(kind, self.node, 0).pack()
