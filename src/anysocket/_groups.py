"""Named sets of connections: rooms, and the devices of a user."""

from __future__ import annotations


class Groups:
    """Who is in which group, both ways, each by one lookup. Nothing is kept of an empty group, nor of an id
    that is in none."""

    def __init__(self) -> None:
        self.members: dict[str, set[str]] = {}
        """The ids in each group."""
        self.names: dict[str, set[str]] = {}
        """The groups of each id."""

    def join(self, id: str, name: str) -> bool:
        """False if it is a member already."""
        names = self.names.setdefault(id, set())
        if name in names:
            return False
        names.add(name)
        self.members.setdefault(name, set()).add(id)
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
        members.discard(id)
        if not members:
            del self.members[name]
        return True
