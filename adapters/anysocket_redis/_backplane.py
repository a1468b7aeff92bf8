"""The backplane of Redis: one server, or the shards of a cluster."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Coroutine, Iterable, Sequence
from typing import Any

from redis.asyncio import ConnectionPool
from redis.crc import key_slot

from anysocket._backplane import Listener
from anysocket_redis._servers import Servers, Slots
from anysocket_redis._shard import Shard


class RedisBackplane:
    """Pub/sub of Redis; sharded pub/sub where the server is a cluster, which it tells by itself."""

    max_bytes: int | None = None

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._shards: dict[tuple[str, int], Shard] = {}
        self._slots: list[Slots] = []

    async def start(self, listener: Listener) -> None:
        """As :class:`anysocket.Backplane`, and so are the others."""
        pool, self._slots = await self._servers.find()
        if not self._slots:
            self._shards["", 0] = Shard(pool, listener, sharded=False)
        for slots in self._slots:
            address = slots.host, slots.port
            if address not in self._shards:
                self._shards[address] = Shard(_elsewhere(pool, *address), listener, sharded=True)
        await self.health()

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """In one trip to each server."""
        batches: defaultdict[Shard, list[tuple[str, bytes]]] = defaultdict(list)
        for topic, data in messages:
            batches[self._shard(topic)].append((topic, data))
        await _together(shard.publish(batch) for shard, batch in batches.items())

    async def subscribe(self, topics: Collection[str]) -> None:
        """In one trip to each server."""
        await _together(shard.subscribe(own) for shard, own in self._divided(topics).items())

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """In one trip to each server."""
        await _together(shard.unsubscribe(own) for shard, own in self._divided(topics).items())

    async def health(self) -> None:
        """A trip to each server, on both connections."""
        await _together(shard.health() for shard in self._shards.values())

    async def stop(self) -> None:
        """Close all connections."""
        shards, self._shards = tuple(self._shards.values()), {}
        for shard in shards:
            await shard.stop()

    def _shard(self, topic: str) -> Shard:
        if not self._slots:
            return self._shards["", 0]
        slot = key_slot(topic.encode())
        for slots in self._slots:
            if slots.first <= slot <= slots.last:
                return self._shards[slots.host, slots.port]
        raise ConnectionError(f"no server of the cluster serves slot {slot}, of topic {topic!r}")

    def _divided(self, topics: Iterable[str]) -> dict[Shard, list[str]]:
        divided: defaultdict[Shard, list[str]] = defaultdict(list)
        for topic in topics:
            divided[self._shard(topic)].append(topic)
        return divided


def connect(url: str) -> RedisBackplane:
    """For ``WebSocketManager(backplane=url)``."""
    return RedisBackplane(Servers(url))


def _elsewhere(pool: ConnectionPool, host: str, port: int) -> ConnectionPool:
    """With the same options, to another server; a cluster may call the one that was asked by no name."""
    options: dict[str, Any] = {**pool.connection_kwargs, "port": port}
    if host:
        options["host"] = host
    return ConnectionPool(connection_class=pool.connection_class, **options)


async def _together(trips: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at the same time; the first failure is that of all."""
    first, *rest = trips
    if not rest:
        await first
        return
    async with asyncio.TaskGroup() as tasks:
        for trip in (first, *rest):
            tasks.create_task(trip)
