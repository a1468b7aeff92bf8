"""Which server a URL of Redis means: with Sentinels, and a cluster, as processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from anysocket import WebSocketManager
from anysocket._backplane import open_backplane, open_prefixed
from anysocket.testing import check_backplane
from anysocket_redis._backplane import RedisBackplane
from anysocket_redis._servers import Servers
from brokers import Broker, binary, free_port, running
from core.members import add
from core.nodes import until


def server(folder: Path, *options: str, port: int | None = None) -> Broker:
    port = port or free_port()
    command = [binary("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    folder.mkdir(exist_ok=True)
    command += ["--dir", str(folder), *options]
    return Broker("redis-server", f"redis://127.0.0.1:{port}", port, command, folder / "log")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[Broker]]:
    """Two servers that share the slots."""
    buses = [free_port(), free_port()]
    options = [("--cluster-enabled", "yes", "--cluster-port", str(bus)) for bus in buses]
    servers = [server(tmp_path / str(bus), *each) for bus, each in zip(buses, options, strict=True)]
    for each in servers:
        each.start()
    await join(*servers, bus=buses[0])
    yield servers
    for each in servers:
        each.kill()


async def join(first: Broker, second: Broker, *, bus: int) -> None:
    halves = (0, 8191), (8192, 16383)
    for each, half in zip((first, second), halves, strict=True):
        async with Redis.from_url(each.url) as client:
            await ask(client, "CLUSTER", "ADDSLOTSRANGE", *half)
            await ask(client, "CLUSTER", "MEET", "127.0.0.1", first.port, bus)
    for each in first, second:
        async with Redis.from_url(each.url) as client:
            async with asyncio.timeout(20):
                while b"cluster_state:ok" not in await ask(client, "CLUSTER", "INFO"):
                    await asyncio.sleep(0.05)


async def ask(client: Redis, *command: Any) -> bytes:
    answer: Any = await client.execute_command(*command)
    return answer if isinstance(answer, bytes) else str(answer).encode()


async def test_a_cluster_tells_that_it_is_one(cluster: list[Broker]) -> None:
    assert await check_backplane(lambda: open_prefixed(cluster[1].url)[0]) == 8
    backplane = open_prefixed(cluster[0].url)[0]
    assert isinstance(backplane, RedisBackplane)


async def test_rooms_on_the_shards_of_a_cluster(cluster: list[Broker]) -> None:
    a, b = (WebSocketManager(backplane=each.url) for each in cluster)
    await asyncio.gather(a.backplane.start(), b.backplane.start())
    bob = await add(b, "bob")
    for number in range(20):
        await b.join_room("bob", f"room {number}")
    for number in range(20):
        await a.broadcast_to_room(f"room {number}", str(number))
    await until(lambda: len(bob.sent) == 20)
    assert sorted(map(int, bob.sent)) == list(range(20)), "no order is promised between shards"
    for each in cluster:
        async with Redis.from_url(each.url) as client:
            assert await ask(client, "PUBSUB", "SHARDCHANNELS") != b"[]", "each has some of them"
    await asyncio.gather(a.backplane.stop(), b.backplane.stop())


async def test_sentinels_know_the_primary(tmp_path: Path) -> None:
    primary = server(tmp_path / "primary")
    primary.start()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(f"sentinel monitor chat 127.0.0.1 {primary.port} 1\n")
    port = free_port()
    command = [binary("redis-server"), str(configuration), "--sentinel", "--port", str(port)]
    command += ["--bind", "127.0.0.1", "--dir", str(tmp_path)]
    sentinel = Broker("sentinel", "", port, command, tmp_path / "sentinel.log")
    sentinel.start()
    try:
        dead = free_port()
        url = f"redis://127.0.0.1:{dead},127.0.0.1:{port}/0?sentinel=chat"
        assert await check_backplane(lambda: open_prefixed(url)[0]) == 8
        with pytest.raises(ConnectionError, match="no Sentinel knows where 'other' is"):
            await Servers(url.replace("chat", "other")).find()
    finally:
        sentinel.kill()
        primary.kill()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "redis://ann:secret@10.0.0.1:7000/3",
            {"host": "10.0.0.1", "port": 7000, "db": 3, "password": "secret"},
        ),
        ("valkey://10.0.0.1", {"host": "10.0.0.1", "username": None}),
        ("redis://a,b/0?sentinel=x&sentinel_password=p&socket_timeout=3", {"host": "a", "socket_timeout": 3}),
    ],
)
def test_what_a_url_says(url: str, expected: dict[str, Any]) -> None:
    servers = Servers(url)
    options = servers.pool(servers._hosts[0]).connection_kwargs
    assert {name: options.get(name) for name in expected} == expected


def test_encrypted() -> None:
    assert "SSL" in Servers("rediss://localhost").pool("localhost").connection_class.__name__


@pytest.mark.parametrize("url", ["redis://localhost?no_such_option=1", "redis://localhost:port"])
def test_mistakes_are_told_before_anything_runs(url: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        RedisBackplane(Servers(url))


async def test_a_server_that_wants_a_password(tmp_path: Path) -> None:
    for broker in running(lambda folder: server(folder / "own", "--requirepass", "secret"), tmp_path):
        url = f"redis://:secret@127.0.0.1:{broker.port}"
        assert await check_backplane(partial(open_backplane, url)) == 8
        manager = WebSocketManager(backplane=broker.url)
        await manager.backplane.start()
        assert not manager.backplane.up
        await manager.backplane.stop()
