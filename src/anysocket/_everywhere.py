"""What a manager asks of all processes, and how it tells of its backplane."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, TypeVar

from anysocket._census import ANSWER_TIMEOUT, never
from anysocket._envelope import Envelope, Kind
from anysocket._here import Here
from anysocket._link import Alone, Link

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Everywhere(Generic[Value]):
    """An answer put together from those of several processes."""

    value: Value
    answered: int
    """How many processes have answered in time, this one included."""
    nodes: int | None
    """How many were known to be there, this one included; None while the backplane is down."""

    @property
    def complete(self) -> bool:
        """Whether nobody's answer is missing, as far as can be known."""
        return self.answered == self.nodes


class AsksEverywhere:
    """The part of a manager that asks the others."""

    _here: Here
    _link: Link | Alone

    @property
    def backplane(self) -> Link | Alone:
        """The connection to other processes: ``up``, ``statistics``, and ``start()`` and ``stop()`` for
        programs without an :class:`App`, which calls them by itself."""
        return self._link

    async def count(self, room: str, *, timeout: float = ANSWER_TIMEOUT) -> Everywhere[int]:
        """How many connections are in a room, in all processes that answer within ``timeout`` seconds.

        :class:`BackplaneError` while the backplane is down, unless ``on_down="local"``.
        """
        return await self._everywhere(Kind.COUNT, (room,), timeout, sum)

    async def members(self, room: str, *, timeout: float = ANSWER_TIMEOUT) -> Everywhere[frozenset[str]]:
        """The ids in a room; as :meth:`count`."""
        return await self._everywhere(Kind.MEMBERS, (room,), timeout, lambda all: frozenset(chain(*all)))

    async def rooms_everywhere(self, *, timeout: float = ANSWER_TIMEOUT) -> Everywhere[dict[str, int]]:
        """All rooms, and how many connections are in each; as :meth:`count`."""
        return await self._everywhere(Kind.ROOMS, (), timeout, _sums)

    async def _everywhere(
        self, kind: Kind, names: tuple[str, ...], timeout: float, together: Callable[[list[Any]], Value]
    ) -> Everywhere[Value]:
        question = Envelope(kind, b"", 0, names=names)
        answers, asked = await self._link.ask(question, enough=never, timeout=timeout)
        everybody = [self._here.answer(question), *answers]
        return Everywhere(together(everybody), len(everybody), None if asked is None else asked + 1)


def _sums(answers: list[dict[str, int]]) -> dict[str, int]:
    rooms = Counter[str]()
    for answer in answers:
        rooms.update(answer)
    return dict(rooms)
