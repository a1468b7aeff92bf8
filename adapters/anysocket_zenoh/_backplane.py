"""The backplane of Zenoh: each process is a peer of all others, embedded, with no broker between them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote

import zenoh
from zenoh.handlers import Callback

from anysocket import PartitionError
from anysocket._backplane import Listener
from anysocket_zenoh._configuration import Configuration
from anysocket_zenoh._mesh import Mesh, Patience

MAX_WAITING = 1 << 16
"""Messages that may wait for the event loop, when that is busy; more of them are lost, and missed."""
MANY = 16
COLLECT = 0.005
"""When so many messages came at once, the next ones are waited for so many seconds: a thread that wakes the
loop for each of them stands in its way."""
SETTLE = 0.1
"""Seconds in which peers hear of each other, and connect."""
SYNC_TIMEOUT = 1.0
"""Seconds that a subscription waits for peers that do not say that they know of it."""

Arrival = tuple[str, bytes]


class ZenohBackplane:
    """Messages are dropped for a peer that takes none, and for nobody else; nothing waits for it."""

    max_bytes: int | None = None

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._opened: _Opened | None = None
        self._subscribers: dict[str, zenoh.Subscriber[Any]] = {}
        self._patience = Patience()

    async def start(self, listener: Listener) -> None:
        """As :class:`anysocket.Backplane`, and so are the others."""
        self._opened = _Opened(self._configuration, listener)
        await asyncio.to_thread(self._opened.open)
        await self._somebody()
        await asyncio.sleep(SETTLE)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """In this thread: it takes microseconds, and a milli-second where a peer takes nothing."""
        put = self._session.put
        for topic, data in messages:
            put(key(topic), data, congestion_control=zenoh.CongestionControl.DROP)

    async def subscribe(self, topics: Collection[str]) -> None:
        """Returns when all peers know of it, or have not answered."""
        await asyncio.to_thread(self._declare, self._opened, topics)
        await self._mesh.sync(SYNC_TIMEOUT)

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """Returns when no more is received."""
        await asyncio.to_thread(self._undeclare, topics)

    async def health(self) -> None:
        """Whether everybody is there, and anybody at all; whoever came first on a host may be alone."""
        await self._somebody()
        if missing := await self._mesh.missing():
            told = f"peers that live and are not heard: {missing}"
            raise ConnectionError(told) if self._patience.ends() else PartitionError(told)

    async def _somebody(self) -> None:
        for _ in range(20):
            if self._opened is None or self._opened.is_connected():
                return
            await asyncio.sleep(0.05)
        raise ConnectionError(f"nobody answers at {self._configuration.named}")

    async def stop(self) -> None:
        """Close the session."""
        opened, self._opened = self._opened, None
        self._subscribers.clear()
        if opened is not None:
            await asyncio.to_thread(opened.close)

    @property
    def _session(self) -> zenoh.Session:
        if self._opened is None or self._opened.session is None:
            raise ConnectionError("the session is closed")
        return self._opened.session

    @property
    def _mesh(self) -> Mesh:
        if self._opened is None or self._opened.mesh is None:
            raise ConnectionError("the session is closed")
        return self._opened.mesh

    def _declare(self, opened: _Opened | None, topics: Collection[str]) -> None:
        if opened is None or opened.session is None:
            raise ConnectionError("the session is closed")
        for topic in topics:
            self._subscribers[topic] = opened.session.declare_subscriber(
                key(topic),
                Callback(partial(opened.arrived, topic), indirect=False),
                allowed_origin=zenoh.Locality.REMOTE,
            )

    def _undeclare(self, topics: Collection[str]) -> None:
        for topic in topics:
            self._subscribers.pop(topic).undeclare()  # type: ignore[no-untyped-call]


class _Opened:
    """One session, and what it brings to the event loop from threads of its own."""

    def __init__(self, configuration: Configuration, listener: Listener) -> None:
        self.session: zenoh.Session | None = None
        self.mesh: Mesh | None = None
        self._configuration = configuration
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Arrival] = deque(maxlen=MAX_WAITING)
        self._is_scheduled = False
        self._is_seed = False
        self._met = False
        self._lock = threading.Lock()
        self._closed = False

    def open(self) -> None:
        """In a thread, as it takes up to a second."""
        try:
            session = zenoh.open(self._configuration.as_seed())
            self._is_seed = True
        except zenoh.ZError:
            if self._configuration.mode == "client":
                raise
            session = zenoh.open(self._configuration.as_other())
        self.mesh = Mesh(session)
        with self._lock:
            if not self._closed:
                self.session = session
                return
        session.close()  # type: ignore[no-untyped-call] # Nobody wants it any more.

    def close(self) -> None:
        """In a thread, too."""
        with self._lock:
            self._closed = True
            session, self.session, self.mesh = self.session, None, None
        if session is not None:
            session.close()  # type: ignore[no-untyped-call]

    def is_connected(self) -> bool:
        """Whether somebody is there. On one host nobody needs to be, but at first, to whoever is not the
        seed."""
        assert self.session is not None
        somebody = bool(self.session.info.peers_zid() or self.session.info.routers_zid())
        self._met = self._met or somebody
        if self._configuration.elsewhere:
            return somebody
        return self._met or self._is_seed

    def arrived(self, topic: str, sample: zenoh.Sample) -> None:
        """In a thread of Zenoh's: many messages are one call in the loop."""
        self._waiting.append((topic, bytes(sample.payload)))
        if not self._is_scheduled:
            self._is_scheduled = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # The loop is closed.
                self._closed = True

    def _deliver(self) -> None:
        self._is_scheduled = False
        number = len(self._waiting)
        for _ in range(number):
            topic, data = self._waiting.popleft()
            if not self._closed:
                self._listener.received(topic, data)
        if number >= MANY:
            self._is_scheduled = True
            self._loop.call_later(COLLECT, self._deliver)


@lru_cache(1 << 12)
def key(topic: str) -> str:
    """The key expression for a topic: its first two words as they are, and the rest as one word."""
    return "/".join(quote(word, safe="") for word in topic.split("/", 2))


def connect(url: str) -> ZenohBackplane:
    """For ``WebSocketManager(backplane=url)``; what a URL may say tells :class:`Configuration`."""
    return ZenohBackplane(Configuration(url))
