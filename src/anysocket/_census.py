"""Who else is there, and what one asks all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

BEAT = 1.0
"""Seconds between two signs of life of a node."""
MISSING = 3.5
"""Seconds after the last one until it counts as gone."""
ANSWER_TIMEOUT = 1.0
"""Seconds that a question waits for its answers."""

Enough = Callable[[Any], object]
"""Whether an answer makes all others needless."""


def never(answer: object) -> bool:
    """All are wanted."""
    return False


class Question:
    """Asked of all nodes that are known to live: who has not answered yet, and the answers so far."""

    def __init__(self, nodes: set[bytes], enough: Enough) -> None:
        self.nodes = nodes
        self.answers: dict[bytes, Any] = {}
        self._enough = enough
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not nodes:
            self._done.set_result(None)

    def answered(self, node: bytes, answer: object) -> None:
        """One more; from a node that was not asked, as it has just come, it counts as well."""
        self.answers[node] = answer
        if self._enough(answer) or self.nodes <= self.answers.keys():
            self.end()

    def gone(self, node: bytes) -> None:
        """No answer is expected of it any more."""
        self.nodes.discard(node)
        if self.nodes <= self.answers.keys():
            self.end()

    def end(self) -> None:
        """No more answers are waited for."""
        if not self._done.done():
            self._done.set_result(None)

    async def wait(self, timeout: float) -> None:
        """Until all have answered, one of them has answered enough, or the time is over."""
        await asyncio.wait({self._done}, timeout=timeout)


class Census:
    """The other nodes, by their signs of life, and the questions that are open."""

    def __init__(self) -> None:
        self._seen: dict[bytes, float] = {}
        self._questions: dict[int, Question] = {}
        self._asked = 0

    @property
    def nodes(self) -> set[bytes]:
        """Who is known to live."""
        return set(self._seen)

    def seen(self, node: bytes, now: float) -> bool:
        """A sign of life; whether it is a new node."""
        new = node not in self._seen
        self._seen[node] = now
        return new

    def gone(self, node: bytes) -> None:
        """It has left: nobody waits for it any more."""
        if self._seen.pop(node, None) is not None:
            for question in self._questions.values():
                question.gone(node)

    def look(self, now: float) -> None:
        """Those that have given no sign for too long are gone."""
        for node in [node for node, at in self._seen.items() if now - at > MISSING]:
            self.gone(node)

    def forget(self) -> None:
        """The backplane is down: nobody is there."""
        for question in self._questions.values():
            question.end()
        self._seen.clear()

    def ask(self, enough: Enough) -> tuple[int, Question]:
        """Begin a question: its number, and where the answers arrive."""
        self._asked += 1
        question = self._questions[self._asked] = Question(self.nodes, enough)
        return self._asked, question

    def answered(self, number: int, node: bytes, answer: object) -> None:
        """An answer came."""
        question = self._questions.get(number)
        if question is not None:
            question.answered(node, answer)

    def close(self, number: int) -> None:
        """Whoever asked is content."""
        self._questions.pop(number, None)
