"""One server of Redis: a connection that publishes, and one that is subscribed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Collection, Sequence
from typing import Any

from redis.asyncio import ConnectionPool, Redis

from anysocket._backplane import Listener

TAKEN_IN_A_ROW = 64
"""Messages that are there already, until others in the loop have a turn."""


class Shard:
    """Neither connection is ever made anew: messages could be missed, and nobody would know.

    ``sharded``: by the commands whose messages stay within their shard of a cluster.
    """

    def __init__(self, pool: ConnectionPool, listener: Listener, *, sharded: bool) -> None:
        self._listener = listener
        self._sharded = sharded
        self._client = Redis(connection_pool=pool, single_connection_client=True)
        self._pubsub = self._client.pubsub()
        self._reader: asyncio.Task[None] | None = None
        self._tokens = itertools.count()
        self._echoes: dict[bytes, asyncio.Future[None]] = {}

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """All of them in one trip."""
        command = "SPUBLISH" if self._sharded else "PUBLISH"
        pipeline = self._client.pipeline(transaction=False)
        for topic, data in messages:
            pipeline.execute_command(command, topic, data)
        await pipeline.execute()

    async def subscribe(self, topics: Collection[str]) -> None:
        """Returns when the server has done it."""
        if self._sharded:
            for topic in topics:  # One command takes topics of one slot only.
                await self._pubsub.ssubscribe(topic)
        else:
            await self._pubsub.subscribe(*topics)
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        await self._echo()

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """As :meth:`subscribe`."""
        if self._sharded:
            for topic in topics:
                await self._pubsub.sunsubscribe(topic)
        else:
            await self._pubsub.unsubscribe(*topics)
        await self._echo()
        for topic in topics:  # redis-py would do so if it handled the answers.
            for channels in self._pubsub.channels, self._pubsub.shard_channels:
                channels.pop(topic.encode(), None)
            self._pubsub.pending_unsubscribe_channels.discard(topic.encode())
            self._pubsub.pending_unsubscribe_shard_channels.discard(topic.encode())

    async def health(self) -> None:
        """A trip on each connection."""
        await self._client.ping()
        if self._reader is not None:
            await self._echo()

    async def stop(self) -> None:
        """Close both."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})
        # One that fails to close keeps none of the others open.
        with contextlib.suppress(Exception):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        with contextlib.suppress(Exception):
            await self._client.aclose()
        await self._client.connection_pool.disconnect()

    async def _echo(self) -> None:
        """Wait until the server has done all that the subscribed connection has asked for."""
        token = b"anysocket %d" % next(self._tokens)
        echo = self._echoes[token] = asyncio.get_running_loop().create_future()
        try:
            await self._pubsub.ping(token)
            await echo
        finally:
            del self._echoes[token]

    async def _read(self) -> None:
        try:
            while True:
                for _ in range(TAKEN_IN_A_ROW):
                    self._take(await self._pubsub.parse_response(block=True))
                await asyncio.sleep(0)
        except Exception as error:
            for echo in self._echoes.values():
                if not echo.done():
                    echo.set_exception(error)
            self._listener.lost(error)

    def _take(self, response: Any) -> None:
        match response:
            case [b"message" | b"smessage", topic, data]:
                self._listener.received(topic.decode(), data)
            case [b"sunsubscribe", topic, _] if topic not in self._pubsub.pending_unsubscribe_shard_channels:
                raise ConnectionError(f"{topic!r} has moved to another shard")
            case [b"pong", token] | token if isinstance(token, bytes) and token in self._echoes:
                if not self._echoes[token].done():
                    self._echoes[token].set_result(None)
            case _:
                pass
