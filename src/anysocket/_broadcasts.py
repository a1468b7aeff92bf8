"""One message to many, and what else is sent by a manager."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from anysocket._close import check_close
from anysocket._envelope import Envelope, Kind
from anysocket._fan_out import Members, check_message, fan_out, message_key, wait_for_room
from anysocket._groups import Groups
from anysocket._link import Alone, Link
from anysocket._observer import Observers
from anysocket._policy import OutboxPolicy, Policies, check_policy
from anysocket._websocket import WebSocket

if TYPE_CHECKING:
    from anysocket._manager import WebSocketManager

Target = tuple[Hashable, Members, OutboxPolicy]
"""Whose keys are meant if messages have keys, who gets a message, and by which policy."""

NOBODY: Mapping[str, WebSocket] = MappingProxyType({})
"""Who is in a group that nobody is in."""


class Broadcasts:
    """The part of a manager that sends."""

    max_outbox_bytes: int
    _connections: dict[str, WebSocket]
    _rooms: Groups[WebSocket]
    _users: Groups[WebSocket]
    _policies: Policies
    _observers: Observers
    _link: Link | Alone

    async def broadcast_to_room(
        self,
        room: str,
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> int:
        """Queue a message to everyone in a room but ``exclude`` (ids), in the order of the calls.

        Returns how many connections it was queued to; never waits for a slow one, unless the policy is
        ``"block"``, and never fails for a dead one. ``TypeError`` unless the message is str or bytes,
        ``ValueError`` for text with lone surrogates and for more than ``max_outbox_bytes``. It is queued to
        those who are there at that moment, in the order of joining. Cancelled while it waits, it is queued to
        nobody.
        """
        return await self._broadcast([self._room(room, policy)], message, exclude, policy)

    async def broadcast_to_rooms(
        self,
        rooms: Iterable[str],
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> int:
        """Queue a message to everyone who is in any of the rooms, once, by the policy of the first of them;
        as :meth:`broadcast_to_room`."""
        if isinstance(rooms, str):
            raise TypeError(
                f"broadcast_to_rooms() takes several rooms, not {rooms!r}: use broadcast_to_room()"
            )
        return await self._broadcast([self._room(room, policy) for room in rooms], message, exclude, policy)

    async def broadcast_to_all(
        self, message: str | bytes, *, exclude: Iterable[str] = (), policy: OutboxPolicy | None = None
    ) -> int:
        """Queue a message to every connection but ``exclude``; as :meth:`broadcast_to_room`."""
        return await self._broadcast([self._everyone(policy)], message, exclude, policy)

    async def send_to(self, id: str, message: str | bytes, *, policy: OutboxPolicy | None = None) -> bool:
        """Queue a message to one connection; False if there is none of this id, or the policy dropped it. As
        :meth:`broadcast_to_room`. With a backplane, if it is not here the others are asked, for a second at
        most: False if nobody says that it was queued."""
        count = await self._deliver([self._one(id, policy)], message, ())
        if id in self._connections or count:
            return count == 1
        question = Envelope(Kind.SEND, b"", 0, message, (id,), (), policy)
        answers, _ = await self._link.ask(question, enough=bool)
        return any(answers)

    async def disconnect(self, id: str, code: int = 1000, reason: str = "") -> bool:
        """Close one connection, here or elsewhere as :meth:`send_to`; False if there is none of this id.
        Raises as ``websocket.close()``."""
        if await self._disconnect((id,), code, reason):
            return True
        question = Envelope(Kind.DISCONNECT, b"", 0, json.dumps([code, reason]), (id,))
        answers, _ = await self._link.ask(question, enough=bool)
        return any(answers)

    def _target(self, scope: Hashable, members: Members, policy: OutboxPolicy | None) -> Target:
        if policy is None:
            policy = self._policies.common
        check_policy(policy)
        return scope, members, policy

    def _one(self, id: str, policy: OutboxPolicy | None) -> Target:
        return self._target(None, lambda: self._only(id), policy)

    def _only(self, id: str) -> Mapping[str, WebSocket]:
        websocket = self._connections.get(id)
        return NOBODY if websocket is None else {id: websocket}

    def _everyone(self, policy: OutboxPolicy | None) -> Target:
        return self._target(None, lambda: self._connections, policy)

    def _devices(self, user: str, policy: OutboxPolicy | None) -> Target:
        members = self._users.members
        return self._target(("user", user), lambda: members.get(user, NOBODY), policy)

    def _room(self, room: str, policy: OutboxPolicy | None) -> Target:
        members = self._rooms.members
        own = self._policies.of(room) if policy is None else policy
        return self._target(room, lambda: members.get(room, NOBODY), own)

    async def _broadcast(
        self,
        targets: Sequence[Target],
        message: str | bytes,
        exclude: Iterable[str],
        policy: OutboxPolicy | None,
    ) -> int:
        """Deliver it, here and elsewhere, and tell the observers."""
        exclude = {exclude} if isinstance(exclude, str) else set(exclude)
        began = time.perf_counter()
        recipients = await self._deliver(targets, message, exclude)
        rooms = [str(scope) for scope, _, _ in targets if scope is not None]
        if self._observers:
            manager = cast("WebSocketManager", self)
            self._observers.broadcast(manager, tuple(rooms), recipients, time.perf_counter() - began)
        if rooms or targets:
            await self._link.broadcast(rooms, message, exclude, policy)
        return recipients

    async def _deliver(self, targets: Sequence[Target], message: str | bytes, exclude: Iterable[str]) -> int:
        """Queue a message to everybody here whom the targets name, by the first one that does."""
        size = check_message(message, self.max_outbox_bytes)
        served = {exclude} if isinstance(exclude, str) else set(exclude)
        blocking = [members for _, members, policy in targets if policy == "block"]
        if blocking:
            await wait_for_room(blocking, served, size)
        return self._queue(targets, message, size, served)

    def _queue(self, targets: Sequence[Target], message: str | bytes, size: int, served: set[str]) -> int:
        """The same, without waiting. ``served`` are those who do not get it, and is changed."""
        keys = [message_key(scope, policy, message) for scope, _, policy in targets]
        count = 0
        for (_, members, policy), key in zip(targets, keys, strict=True):
            chosen = members()
            # A copy: a connection found dead on the way leaves its rooms at once.
            if served:
                others = [each for id, each in chosen.items() if id not in served]
            else:
                others = list(chosen.values())
            if len(targets) > 1:
                served.update(chosen)
            count += fan_out(others, message, size, policy, key)
        return count

    async def _disconnect(self, ids: Iterable[str], code: int, reason: str) -> int:
        check_close(code, reason)
        closing = [websocket for id in ids if (websocket := self._connections.get(id)) is not None]
        await asyncio.gather(*(websocket.close(code, reason) for websocket in closing))
        return len(closing)
