"""Which server a URL means: itself, the primary that Sentinels know, or the shards of a cluster."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

SLOTS = 1 << 14
SCHEMES = {"valkey": "redis", "valkeys": "rediss"}


class Slots(NamedTuple):
    """A range of a cluster's slots, both ends included, and who serves it."""

    first: int
    last: int
    host: str
    port: int


class Servers:
    """The URL's options are those of redis-py, and ``sentinel``, the name of a primary: then the URL's hosts,
    separated by commas, are Sentinels, with ``sentinel_username`` and ``sentinel_password``.

    ``ValueError`` for a URL of which redis-py makes nothing.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme = SCHEMES.get(parts.scheme, parts.scheme)
        options = dict(parse_qsl(parts.query))
        self._primary = options.pop("sentinel", None)
        self._guard: dict[str, Any] = {
            name.removeprefix("sentinel_"): options.pop(name)
            for name in ("sentinel_username", "sentinel_password")
            if name in options
        }
        self._who, at, hosts = parts.netloc.rpartition("@")
        self._who += at
        self._hosts = hosts.split(",")
        self._path = parts.path
        self._query = urlencode(options)
        for host in self._hosts:
            # Which only now looks at the options.
            self.pool(host).make_connection()  # type: ignore[no-untyped-call]

    def pool(self, host: str) -> ConnectionPool:
        """What makes connections to one host."""
        url = urlunsplit((self._scheme, self._who + host, self._path, self._query, ""))
        return ConnectionPool.from_url(url, **_options())

    async def find(self) -> tuple[ConnectionPool, list[Slots]]:
        """Who is to be asked now, and how the cluster is divided; nothing where it is none."""
        pool = self.pool(self._hosts[0] if self._primary is None else await self._ask_sentinels())
        async with Redis.from_pool(pool) as client:
            return pool, await _cluster(client)

    async def _ask_sentinels(self) -> str:
        error: Exception | None = None
        for host in self._hosts:
            url = urlunsplit((self._scheme, host, "", "", ""))
            async with Redis.from_url(url, **_options(), **self._guard) as sentinel:
                try:
                    found: Any = await sentinel.execute_command(  # type: ignore[no-untyped-call]
                        "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._primary
                    )
                except (RedisError, OSError) as failure:
                    error = failure
                else:
                    if found:
                        return f"{found[0].decode()}:{int(found[1])}"
        raise ConnectionError(f"no Sentinel knows where {self._primary!r} is: {error}")


async def _cluster(client: Redis) -> list[Slots]:
    try:
        ranges: Any = await client.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]
    except ResponseError:  # "This instance has cluster support disabled", or no right to ask.
        return []
    return [Slots(first, last, primary[0].decode(), primary[1]) for first, last, primary, *_ in ranges]


def _options() -> dict[str, Any]:
    # Whatever fails is the core's to repeat: it knows what may have been missed.
    return {"protocol": 3, "retry": Retry(NoBackoff(), 0), "socket_connect_timeout": 2.0}
