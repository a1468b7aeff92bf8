"""Named groups of connections: rooms, the devices of a user, the connections of a client's address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Generic, TypeVar

from anysocket._errors import LimitExceeded

Bound = tuple[str, int]
"""A limit's name and its value."""
Member = TypeVar("Member")


class Groups(Generic[Member]):
    """Who is in which group, both ways, each by one lookup. Nothing is kept of an empty group, nor of an id
    that is in none.

    ``members`` bounds how many a group may have, ``names`` how many groups an id may be in.
    """

    def __init__(self, *, members: Bound | None = None, names: Bound | None = None) -> None:
        self.members: dict[str, dict[str, Member]] = {}
        """Who is in each group, by id, in the order of joining: to look each one up costs a broadcast more
        than to send to it, where many objects are spread over the memory."""
        self.names: dict[str, set[str]] = {}
        """The groups of each id."""
        self._most_members = members
        self._most_names = names

    def check(self, id: str, name: str) -> None:
        """Raise :class:`LimitExceeded` if one more member, or one more group, would be too much."""
        if self._most_members is not None and len(self.members.get(name, ())) >= self._most_members[1]:
            raise LimitExceeded(*self._most_members)
        if self._most_names is not None and len(self.names.get(id, ())) >= self._most_names[1]:
            raise LimitExceeded(*self._most_names)

    def join(self, id: str, name: str, member: Member) -> bool:
        """False if it is a member already; :class:`LimitExceeded` if that would be too much."""
        if name in self.names.get(id, ()):
            return False
        self.check(id, name)
        self.names.setdefault(id, set()).add(name)
        self.members.setdefault(name, {})[id] = member
        return True

    def leave(self, id: str, name: str) -> bool:
        """False if it is no member."""
        names = self.names.get(id)
        if names is None or name not in names:
            return False
        names.discard(name)
        if not names:
            del self.names[id]
        members = self.members[name]
        del members[id]
        if not members:
            del self.members[name]
        return True


class Ids(Mapping[str, Set[str]]):
    """The ids in each group: a live view, not to be changed from outside."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Mapping[str, object]]) -> None:
        self._members = members

    def __getitem__(self, name: str) -> Set[str]:
        return self._members[name].keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return repr({name: set(members) for name, members in self._members.items()})
