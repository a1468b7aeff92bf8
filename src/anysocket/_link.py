"""A manager's connection to the managers of other processes: none, or a node on a backplane."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from weakref import WeakSet

from anysocket._backplane import Backplane, open_prefixed
from anysocket._census import ANSWER_TIMEOUT, Enough
from anysocket._envelope import Envelope
from anysocket._errors import BackplaneError
from anysocket._following import FOLLOWED, Followed
from anysocket._incoming import Local
from anysocket._node import Node
from anysocket._policy import OutboxPolicy
from anysocket._siblings import warn_of_siblings

logger = logging.getLogger("anysocket")

ALONE = "memory://"
START_WAIT = 5.0
"""Seconds that the start of an app waits for its backplanes. It starts without them as well."""

OnDown = Literal["raise", "local"]


@dataclass(frozen=True, slots=True)
class BackplaneStatistics:
    """A manager's connection to other processes at one moment. Messages are counted since it began."""

    up: bool
    nodes: int
    """Processes that are there, this one included."""
    queued: int
    """Messages that wait to be published."""
    published: int
    """Messages that the backplane has taken, with the library's own to other processes."""
    received: int
    """Messages of others, delivered here."""
    dropped: int
    """Messages that were not published, as the backplane was down or too slow."""
    missed: int
    """Messages of others that are known not to have come."""
    restarts: int
    """How often it was started anew, or tried to be."""


NOTHING_YET = BackplaneStatistics(
    up=True, nodes=1, queued=0, published=0, received=0, dropped=0, missed=0, restarts=0
)


class Rooms(Local, Protocol):
    """A manager, to its link."""

    @property
    def followed(self) -> Iterable[str]:
        """The rooms that have members here."""
        ...


class Alone:
    """No other processes: nothing to publish, to follow, or to ask. If there are some, the program is wrong,
    and the log says so."""

    up = True
    statistics = NOTHING_YET

    def follow(self, room: str) -> Followed:
        """Nobody else publishes."""
        return FOLLOWED

    def unfollow(self, room: str) -> None:
        """Nobody else publishes."""

    async def broadcast(
        self, rooms: Sequence[str], message: str | bytes, excluded: Iterable[str], policy: OutboxPolicy | None
    ) -> None:
        """Nobody else is there."""
        warn_of_siblings()

    async def ask(
        self, question: Envelope, *, enough: Enough = bool, timeout: float = ANSWER_TIMEOUT
    ) -> tuple[list[Any], int | None]:
        """Nobody else is there."""
        warn_of_siblings()
        return [], 0

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""


class Link:
    """Begins a node when it is first needed in an event loop, and hands on what the manager does."""

    def __init__(self, backplane: Backplane, prefix: str, rooms: Rooms, on_down: OnDown) -> None:
        self._backplane = backplane
        self._prefix = prefix
        self._rooms = rooms
        self._on_down = on_down
        self._current: Node | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        _links.add(self)

    # -- what users may ask --

    @property
    def up(self) -> bool:
        """Whether messages reach all other processes; True where it has not been needed yet."""
        node = self._current
        return node is None or node.is_up or node.loop.is_closed()

    @property
    def statistics(self) -> BackplaneStatistics:
        """What it has carried so far, since it began."""
        node = self._current
        if node is None:
            return NOTHING_YET
        return BackplaneStatistics(
            up=node.is_up,
            nodes=1 + len(node.census.nodes),
            queued=len(node.queue),
            published=node.queue.published,
            received=node.incoming.received,
            dropped=node.dropped,
            missed=node.incoming.missed,
            restarts=node.restarts,
        )

    async def start(self) -> None:
        """Begin, unless that was done, and wait until it is up and the others are known, for a few seconds
        at most: if it is down by then it comes up by itself, some time."""
        await self._node().told(START_WAIT)

    async def stop(self) -> None:
        """Publish what waits, and leave. It begins anew when it is needed."""
        node, self._current = self._current, None
        if node is not None and node.loop is asyncio.get_running_loop():
            await node.stop()

    # -- what the manager does --

    def follow(self, room: str) -> Followed:
        """Receive what others publish to a room."""
        return self._node().follow(room)

    def unfollow(self, room: str) -> None:
        """Receive it no more."""
        self._node().unfollow(room)

    async def broadcast(
        self, rooms: Sequence[str], message: str | bytes, excluded: Iterable[str], policy: OutboxPolicy | None
    ) -> None:
        """Publish to everybody in these rooms, or to all where there are none.

        :class:`BackplaneError` where that is not possible, unless ``on_down`` is ``"local"``.
        """
        try:
            await self._node().broadcast(rooms, message, excluded, policy)
        except BackplaneError:
            if self._on_down == "raise":
                raise

    async def ask(
        self, question: Envelope, *, enough: Enough, timeout: float = ANSWER_TIMEOUT
    ) -> tuple[list[Any], int | None]:
        """The answers of the others that come in time, or until one is ``enough``; and how many were asked,
        None while it is down and ``on_down`` is ``"local"``."""
        try:
            return await self._node().ask(question, enough, timeout)
        except BackplaneError:
            if self._on_down == "raise":
                raise
            return [], None

    def _node(self) -> Node:
        loop = asyncio.get_running_loop()
        if self._current is None or self._current.loop is not loop:
            self._check_loop()
            self._loop = loop
            self._current = Node(self._backplane, self._prefix, self._rooms)
            self._current.start()
            for room in self._rooms.followed:
                self._current.follow(room)
        return self._current

    def _check_loop(self) -> None:
        if self._current is not None and not self._current.loop.is_closed():
            raise RuntimeError("a manager with a backplane belongs to one event loop, not to two at a time")

    @property
    def is_apps(self) -> bool:
        """Whether an app that starts takes it along: what was used in another event loop before has another
        owner, such as the test before."""
        return self._loop in (None, asyncio.get_running_loop())


_links: WeakSet[Link] = WeakSet()
"""Those of this process: its managers with a backplane. An app takes them along."""


async def start_links() -> None:
    """An app starts: its managers are ready to reach other processes before it serves."""
    await asyncio.gather(*(link.start() for link in tuple(_links) if link.is_apps))


async def stop_links() -> None:
    """An app has ended, and with it what its managers send. What fails is logged."""
    for outcome in await asyncio.gather(*(link.stop() for link in tuple(_links)), return_exceptions=True):
        if isinstance(outcome, Exception):
            logger.error("a backplane did not stop in order", exc_info=outcome)


def links_are_up() -> bool:
    """Whether all that have begun reach other processes."""
    return all(link.up for link in tuple(_links))


def open_link(backplane: str | Backplane, rooms: Rooms, on_down: OnDown) -> Link | Alone:
    """For ``WebSocketManager(backplane=…, on_down=…)``."""
    if on_down not in ("raise", "local"):
        raise ValueError(f"on_down must be 'raise' or 'local', not {on_down!r}")
    if backplane == ALONE:
        return Alone()
    opened, prefix = open_prefixed(backplane)
    return Link(opened, prefix, rooms, on_down)
