"""All connections of one user."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from anysocket._policy import OutboxPolicy

if TYPE_CHECKING:
    from anysocket._manager import WebSocketManager


@final
class User:
    """What :meth:`WebSocketManager.user` gives: the devices on which somebody is connected now.

    It keeps nothing but the name, so it may be kept, or made anew for each call.
    """

    __slots__ = ("_manager", "name")

    def __init__(self, manager: WebSocketManager, name: str) -> None:
        self._manager = manager
        self.name = name

    @property
    def connections(self) -> set[str]:
        """The ids of the user's connections, as a copy; empty for somebody who is not there."""
        return set(self._manager._users.members.get(self.name, ()))

    async def send(
        self, message: str | bytes, *, exclude: Iterable[str] = (), policy: OutboxPolicy | None = None
    ) -> int:
        """Queue a message to each but ``exclude`` (ids); as :meth:`WebSocketManager.broadcast_to_all`."""
        members = self._manager._users.members
        devices = self._manager._target(("user", self.name), lambda: members.get(self.name, ()), policy)
        return await self._manager._deliver([devices], message, exclude)

    async def disconnect(self, code: int = 1000, reason: str = "") -> int:
        """Close all of them, at the same time; how many there were. Raises as ``websocket.close()``."""
        return await self._manager._disconnect(self.connections, code, reason)

    def __repr__(self) -> str:
        return f"<User {self.name} on {len(self.connections)} connections>"
