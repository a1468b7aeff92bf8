"""``memory://``: the backplane within one process, for its tests; and trouble, at a test's word."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from anysocket._backplane import Listener


class MemoryHub:
    """Carries messages between the managers of one event loop: each with ``backplane=hub.connect()``.

    It fails when it is told to, for tests of what an app does then.
    """

    def __init__(self) -> None:
        self._members: set[MemoryBackplane] = set()
        self._down = False
        self._losing = 0

    def connect(self) -> MemoryBackplane:
        """Another backplane on this hub, for one manager."""
        return MemoryBackplane(self)

    def fail(self) -> None:
        """Be down for everybody, as a broker that was killed, until :meth:`restore`."""
        self._down = True
        for member in tuple(self._members):
            member.cut()

    def restore(self) -> None:
        """Be there again: nodes come back by themselves, within a second or two."""
        self._down = False

    def lose(self, messages: int) -> None:
        """Lose the next messages without a word."""
        self._losing = messages

    def _carry(self, sender: MemoryBackplane, topic: str, data: bytes) -> None:
        if self._losing:
            self._losing -= 1
            return
        for member in tuple(self._members):
            member.take(topic, data, sender)


class MemoryBackplane:
    """One node's side of a :class:`MemoryHub`. ``cut`` and ``heal`` make a partition."""

    max_bytes: int | None = None

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._topics: set[str] = set()
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cut = False

    # -- trouble --

    def cut(self) -> None:
        """Be cut off from the hub, and told so; whether it comes back is the hub's to say."""
        if self._listener is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._listener.lost, ConnectionError("cut off"))

    def partition(self) -> None:
        """Receive nothing and reach nobody, without being told, until :meth:`heal`."""
        self._cut = True

    def heal(self) -> None:
        """The end of a partition."""
        self._cut = False

    # -- the port --

    async def start(self, listener: Listener) -> None:
        """As :class:`anysocket._backplane.Backplane`, and so are the others."""
        self._check()
        self._listener, self._loop = listener, asyncio.get_running_loop()
        self._hub._members.add(self)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """At once."""
        self._check()
        for topic, data in () if self._cut else messages:
            self._hub._carry(self, topic, data)

    async def subscribe(self, topics: Collection[str]) -> None:
        """At once."""
        self._check()
        self._topics.update(topics)

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """At once."""
        self._topics.difference_update(topics)

    async def health(self) -> None:
        """Whether the hub is down."""
        self._check()

    async def stop(self) -> None:
        """Leave the hub."""
        self._hub._members.discard(self)
        self._listener = self._loop = None
        self._topics.clear()

    def take(self, topic: str, data: bytes, sender: MemoryBackplane) -> None:
        """From the hub."""
        if topic in self._topics and not self._cut and self._loop is not None and self is not sender:
            self._loop.call_soon_threadsafe(self._received, topic, data)

    def _received(self, topic: str, data: bytes) -> None:
        if self._listener is not None:
            self._listener.received(topic, data)

    def _check(self) -> None:
        if self._hub._down:
            raise ConnectionError("the hub is down")


_hubs: WeakValueDictionary[str, MemoryHub] = WeakValueDictionary()


def connect(url: str) -> MemoryBackplane:
    """``memory://name``: all of one name, in this process, are on one hub."""
    name = urlsplit(url).netloc
    hub = _hubs.get(name)
    if hub is None:
        hub = _hubs[name] = MemoryHub()
    return hub.connect()
