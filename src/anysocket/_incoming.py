"""What comes from the other nodes, and what is done about it here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anysocket._census import Census
from anysocket._envelope import Envelope, Kind, unpack
from anysocket._following import Following
from anysocket._gap import Gap
from anysocket._listening import Listening
from anysocket._policy import OutboxPolicy
from anysocket._sequences import Arrivals

logger = logging.getLogger("anysocket")


class Local(Protocol):
    """What a node does here for the others. What it raises is logged."""

    def deliver(
        self, rooms: Sequence[str], message: str | bytes, excluded: Sequence[str], policy: OutboxPolicy | None
    ) -> None:
        """Queue a message to who is here in these rooms, or to all without any; never waits."""

    async def room(self, rooms: Sequence[str], message: str | bytes, excluded: Sequence[str]) -> None:
        """Wait until all to whom ``deliver`` would queue it can take it."""

    def answer(self, question: Envelope) -> Any:
        """The answer to a question, which JSON can say."""

    def missed(self, gap: Gap) -> None:
        """Messages did not come."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of topics, of all that have one ``prefix``."""

    prefix: str

    @property
    def all(self) -> str:
        """Messages to all."""
        return f"{self.prefix}/all"

    @property
    def nodes(self) -> str:
        """Signs of life, and questions."""
        return f"{self.prefix}/nodes"

    def node(self, id: bytes) -> str:
        """Answers to one node."""
        return f"{self.prefix}/node/{id.hex()}"

    def room(self, name: str) -> str:
        """Messages to a room."""
        return f"{self.prefix}/room/{name}"

    def room_of(self, topic: str) -> str | None:
        """The reverse; None for what is no room's topic."""
        beginning = self.room("")
        return topic[len(beginning) :] if topic.startswith(beginning) else None


class Incoming:
    """Opens what comes, in the order in which it comes. ``reply`` publishes an answer, or a greeting."""

    def __init__(
        self,
        node: bytes,
        topics: Topics,
        following: Following,
        census: Census,
        local: Local,
        reply: Callable[[Envelope, Any], None],
    ) -> None:
        self.arrivals = Arrivals()
        self.received = 0
        self.missed = 0
        """Messages that did not come."""
        self._node = node
        self._topics = topics
        self._following = following
        self._census = census
        self._local = local
        self._reply = reply
        self._complained = False

    def listen(self, loop: asyncio.AbstractEventLoop) -> Listening:
        """To another start of the backplane."""
        return Listening(self._take, self._room, loop)

    def tell_all_missed(self) -> None:
        """The backplane was down: nobody knows what there was."""
        rooms = frozenset(filter(None, map(self._topics.room_of, self._following.wanted)))
        self._local.missed(Gap(rooms, None, None))

    async def _room(self, topic: str, data: bytes) -> None:
        """Wait until those who get it have room for it; whatever it is worth, ``_take`` tells."""
        with contextlib.suppress(Exception):
            envelope = unpack(data)
            if envelope.kind == Kind.MESSAGE and topic in self._following:
                rooms = envelope.names or self._rooms(topic)
                await self._local.room(rooms, envelope.payload, envelope.excluded)

    def _take(self, topic: str, data: bytes) -> None:
        try:
            envelope = unpack(data)
        except ValueError as error:  # Another version, above all.
            self._complain("what another program publishes to %r is ignored: %s", topic, error)
            return
        try:
            if envelope.node != self._node:
                self._open(topic, envelope)
        except Exception:
            logger.exception("a message from another process could not be delivered")

    def _complain(self, text: str, *arguments: object) -> None:
        """Once: there may be many of them."""
        if not self._complained:
            self._complained = True
            logger.error(text, *arguments)

    def _open(self, topic: str, envelope: Envelope) -> None:
        match envelope.kind:
            case Kind.MESSAGE:
                self._message(topic, envelope)
            case Kind.HERE:
                is_new = self._census.seen(envelope.node, asyncio.get_running_loop().time())
                if is_new and topic == self._topics.nodes:  # Else it is such a reply.
                    self._reply(envelope, None)
            case Kind.GONE:
                self._census.gone(envelope.node)
            case Kind.ANSWER:
                self._census.answered(envelope.sequence, envelope.node, json.loads(envelope.payload))
            case kind if kind in tuple(Kind):
                self._reply(envelope, self._local.answer(envelope))
            case kind:
                self._complain("messages of the kind %d, of a newer version, are ignored", kind)

    def _message(self, topic: str, envelope: Envelope) -> None:
        if topic not in self._following:
            return  # It was on its way when the last member left.
        missed = self.arrivals.missed(topic, envelope.node, envelope.sequence)
        if missed is None:
            return
        own = self._rooms(topic)
        if missed:
            self.missed += missed
            self._local.missed(Gap(frozenset(own), envelope.node.hex(), missed))
        if not envelope.names or self._first(envelope.names) == own:
            self.received += 1
            self._local.deliver(envelope.names or own, envelope.payload, envelope.excluded, envelope.policy)

    def _rooms(self, topic: str) -> tuple[str, ...]:
        room = self._topics.room_of(topic)
        return () if room is None else (room,)

    def _first(self, rooms: Sequence[str]) -> tuple[str, ...]:
        """To several rooms it comes once for each that is followed here, and counts the first time."""
        return next(((room,) for room in rooms if self._topics.room(room) in self._following), ())
