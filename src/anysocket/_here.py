"""What a manager does here for the managers of other processes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any
from weakref import proxy

from anysocket._envelope import Envelope, Kind
from anysocket._fan_out import check_message, wait_for_room
from anysocket._gap import Gap
from anysocket._inbox import encoded_size
from anysocket._policy import OutboxPolicy

if TYPE_CHECKING:
    from anysocket._broadcasts import Target
    from anysocket._manager import WebSocketManager

logger = logging.getLogger("anysocket")


class Here:
    """One manager, to the node that it is. Nothing here waits but ``room``: a room's policy ``"block"``, by
    which a broadcast would, closes a member that is too slow, as ``"disconnect"`` does."""

    def __init__(self, manager: WebSocketManager) -> None:
        # A manager that nobody needs must be gone at once: an app would start its backplane.
        self._manager: WebSocketManager = proxy(manager)
        self._closing: set[asyncio.Task[int]] = set()

    @property
    def followed(self) -> Iterable[str]:
        """The rooms that have members here."""
        return self._manager.rooms.keys()

    def missed(self, gap: Gap) -> None:
        """Tell whoever wants to know."""
        logger.warning("messages of other processes were missed: %s", gap)
        self._manager._events.tell_gap(gap)

    def deliver(
        self, rooms: Sequence[str], message: str | bytes, excluded: Sequence[str], policy: OutboxPolicy | None
    ) -> None:
        """A broadcast of another process."""
        self._queue(self._targets(rooms, policy), message, excluded)

    async def room(self, rooms: Sequence[str], message: str | bytes, excluded: Sequence[str]) -> None:
        """Wait until all to whom ``deliver`` would queue it can take it."""
        groups = [members for _, members, _ in self._targets(rooms, None)]
        await wait_for_room(groups, set(excluded), encoded_size(message))

    def answer(self, question: Envelope) -> Any:
        """A question of another process: what was to be done is done, and how often."""
        manager, payload = self._manager, question.payload
        members = manager._rooms.members
        match question.kind, question.names:
            case Kind.SEND, (id,):
                return self._queue([manager._one(id, question.policy)], payload, ())
            case Kind.SEND_TO_USER, (user,):
                devices = manager._devices(user, question.policy)
                return self._queue([devices], payload, question.excluded)
            case Kind.DISCONNECT, (id,):
                return self._disconnect([id] if id in manager._connections else [], payload)
            case Kind.DISCONNECT_USER, (user,):
                return self._disconnect(manager.user(user).connections, payload)
            case Kind.COUNT, (room,):
                return len(members.get(room, ()))
            case Kind.MEMBERS, (room,):
                return list(members.get(room, ()))
            case Kind.ROOMS, ():
                return {room: len(ids) for room, ids in members.items()}
            case _:
                raise ValueError(f"a question of kind {question.kind} with {len(question.names)} names")

    def _targets(self, rooms: Sequence[str], policy: OutboxPolicy | None) -> list[Target]:
        manager = self._manager
        return [manager._room(room, policy) for room in rooms] or [manager._everyone(policy)]

    def _queue(self, targets: Sequence[Target], message: str | bytes, excluded: Iterable[str]) -> int:
        unblocked: list[Target] = [
            (scope, group, "disconnect" if policy == "block" else policy) for scope, group, policy in targets
        ]
        size = check_message(message, self._manager.max_outbox_bytes)
        return self._manager._queue(unblocked, message, size, set(excluded))

    def _disconnect(self, ids: Collection[str], close: str | bytes) -> int:
        code, reason = json.loads(close)
        if ids:
            task = asyncio.get_running_loop().create_task(self._manager._disconnect(ids, code, reason))
            self._closing.add(task)
            task.add_done_callback(self._closed)
        return len(ids)

    def _closed(self, task: asyncio.Task[int]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("a connection could not be closed", exc_info=task.exception())
