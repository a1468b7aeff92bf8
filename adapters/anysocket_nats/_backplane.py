"""The backplane of NATS, by its core's publish and subscribe."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Collection, Sequence
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError

from anysocket._backplane import Listener

logger = logging.getLogger("anysocket")

TIMEOUT = 2
"""Seconds, whole ones."""


class NATSBackplane:
    """``servers`` are URLs of one cluster, ``options`` those of nats-py's ``connect()``."""

    def __init__(self, servers: Sequence[str], options: dict[str, Any]) -> None:
        self._servers = list(servers)
        self._options = options
        self._client = Client()
        self._subscriptions: dict[str, Subscription] = {}
        self._listener: Listener | None = None

    @property
    def max_bytes(self) -> int | None:
        """What the server says; 1 MiB unless it is configured."""
        return self._client.max_payload

    async def start(self, listener: Listener) -> None:
        """As :class:`anysocket.Backplane`, and so are the others."""
        self._client, self._listener = Client(), listener
        # Reconnecting is the core's: it knows what may have been missed.
        await self._client.connect(
            self._servers,
            allow_reconnect=False,
            connect_timeout=TIMEOUT,
            no_echo=True,
            error_cb=self._failed,
            disconnected_cb=self._lost,
            closed_cb=self._lost,
            **self._options,
        )

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Returns when the server has them."""
        for topic, data in messages:
            await self._client.publish(subject(topic), data)
        await self._settle()

    async def subscribe(self, topics: Collection[str]) -> None:
        """Returns when the server knows of it. Other servers of a cluster may take some milliseconds more."""
        for topic in topics:
            receive = partial(self._receive, topic)
            self._subscriptions[topic] = await self._client.subscribe(subject(topic), cb=receive)
        await self._settle()

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """Returns when the server has done it."""
        for topic in topics:
            await self._subscriptions.pop(topic).unsubscribe()
        await self._settle()

    async def health(self) -> None:
        """A trip to the server."""
        await self._client.flush(TIMEOUT)

    async def stop(self) -> None:
        """Close the connection."""
        self._listener = None
        self._subscriptions.clear()
        if not self._client.is_closed:
            await self._client.close()

    async def _settle(self) -> None:
        """Wait until the server has done all that it was asked for. nats-py's ping, by which it answers that,
        overtakes what has not been written yet."""
        pause = 0.0
        while self._client.pending_data_size:
            await asyncio.sleep(pause)
            pause = 0.001
        await self._client.flush(TIMEOUT)

    async def _receive(self, topic: str, message: Msg) -> None:
        if self._listener is not None:
            self._listener.received(topic, message.data)

    async def _lost(self) -> None:
        if self._listener is not None:
            self._listener.lost(self._client.last_error or ConnectionClosedError())

    async def _failed(self, error: Exception) -> None:
        logger.debug("NATS: %r", error)


@lru_cache(1 << 12)
def subject(topic: str) -> str:
    """The subject for a topic: its first two words as they are, and the rest as one word."""
    return ".".join(quote(word, safe="").replace(".", "%2E") for word in topic.split("/", 2))


def connect(url: str) -> NATSBackplane:
    """For ``WebSocketManager(backplane=url)``: ``nats://[user:password@|token@]host:port,host:port``.

    Options: ``user_credentials`` and ``nkeys_seed``, files as in nats-py, and for TLS ``ca``, ``cert`` and
    ``key``, files as well. ``ValueError`` for others.
    """
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    files = [options.pop(name, None) for name in ("ca", "cert", "key")]
    unknown = options.keys() - {"user_credentials", "nkeys_seed"}
    if unknown:
        raise ValueError(f"a NATS backplane has no option {', '.join(sorted(unknown))}: {url!r}")
    if any(files):
        options["tls"] = _tls(*files)
    who, at, hosts = parts.netloc.rpartition("@")
    servers = [f"{parts.scheme}://{who}{at}{host}" for host in hosts.split(",")]
    return NATSBackplane(servers, options)


def _tls(ca: str | None, cert: str | None, key: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if cert is not None:
        context.load_cert_chain(cert, key)
    return context
