"""All connections of one user."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

from anysocket._census import never
from anysocket._envelope import Envelope, Kind
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
        """The ids of the user's connections in this process, as a copy; empty if there are none."""
        return set(self._manager._users.members.get(self.name, ()))

    async def send(
        self, message: str | bytes, *, exclude: Iterable[str] = (), policy: OutboxPolicy | None = None
    ) -> int:
        """Queue a message to each but ``exclude`` (ids), and how many there were; as
        :meth:`WebSocketManager.broadcast_to_all`. With a backplane the other processes are asked to do so,
        too, and their answers are waited for, for a second at most."""
        manager = self._manager
        count = await manager._deliver([manager._devices(self.name, policy)], message, exclude)
        excluded = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        question = Envelope(Kind.SEND_TO_USER, b"", 0, message, (self.name,), excluded, policy)
        return count + await self._elsewhere(question)

    async def disconnect(self, code: int = 1000, reason: str = "") -> int:
        """Close all of them, at the same time; how many there were. Raises as ``websocket.close()``."""
        count = await self._manager._disconnect(self.connections, code, reason)
        question = Envelope(Kind.DISCONNECT_USER, b"", 0, json.dumps([code, reason]), (self.name,))
        return count + await self._elsewhere(question)

    async def _elsewhere(self, question: Envelope) -> int:
        answers, _ = await self._manager._link.ask(question, enough=never)
        return sum(map(int, answers))

    def __repr__(self) -> str:
        return f"<User {self.name!r} on {len(self.connections)} connections>"
