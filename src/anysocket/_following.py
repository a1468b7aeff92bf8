"""Which topics are subscribed to: those that somebody here wants, and no others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator

from anysocket._backplane import Backplane


class Followed:
    """May be awaited, or not: until messages to a topic come."""

    __slots__ = ("_done",)

    def __init__(self, done: Awaitable[object] | None = None) -> None:
        self._done = done

    def __await__(self) -> Generator[object, None, None]:
        if self._done is not None:
            yield from self._wait(self._done).__await__()

    @staticmethod
    async def _wait(done: Awaitable[object]) -> None:
        await asyncio.shield(done)


FOLLOWED = Followed()
"""Nothing to wait for."""


class Following:
    """What is wanted, and in ``run`` what is done about it, many topics at a time: after the backplane's
    return there may be thousands."""

    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._subscribed: set[str] = set()
        self._changed: set[str] = set()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._news = asyncio.Event()

    def __contains__(self, topic: str) -> bool:
        return topic in self._wanted

    @property
    def wanted(self) -> frozenset[str]:
        """The topics, as a copy."""
        return frozenset(self._wanted)

    def follow(self, topic: str) -> Followed:
        """Want a topic. Any number of times."""
        if topic not in self._wanted:
            self._wanted.add(topic)
            self._change(topic)
        if topic in self._subscribed and topic not in self._changed:
            return FOLLOWED
        if topic not in self._waiting:
            self._waiting[topic] = asyncio.get_running_loop().create_future()
        return Followed(self._waiting[topic])

    def unfollow(self, topic: str) -> None:
        """Want it no more."""
        if topic in self._wanted:
            self._wanted.discard(topic)
            self._change(topic)
            self._done(topic)

    def reset(self) -> None:
        """The backplane is another one: nothing is subscribed to there yet."""
        self._subscribed.clear()
        self._changed = set(self._wanted)
        self._news.set()

    async def settle(self, backplane: Backplane) -> None:
        """Subscribe to what is wanted and not had yet, and the reverse. What fails comes out of here."""
        while self._changed:
            changed, self._changed = self._changed, set()
            new = (changed & self._wanted) - self._subscribed
            old = (changed & self._subscribed) - self._wanted
            if new:
                await backplane.subscribe(new)
                self._subscribed |= new
            if old:
                await backplane.unsubscribe(old)
                self._subscribed -= old
            for topic in changed - self._changed:
                self._done(topic)

    async def run(self, backplane: Backplane) -> None:
        """Settle whenever something changes, for ever."""
        while True:
            self._news.clear()
            await self.settle(backplane)
            await self._news.wait()

    def end(self) -> None:
        """Nobody needs to wait any more."""
        for topic in tuple(self._waiting):
            self._done(topic)

    def _change(self, topic: str) -> None:
        self._changed.add(topic)
        self._news.set()

    def _done(self, topic: str) -> None:
        waiting = self._waiting.pop(topic, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
