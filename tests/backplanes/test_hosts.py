"""Two hosts, each a network namespace of its own: rooms span them, and heal after the cable was out."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from backplanes.nodes import start_node
from backplanes.traffic import BACK_WITHIN
from brokers import Broker, binary

logger = logging.getLogger(__name__)

TIMEOUT = 15.0
ADDRESSES = ("10.97.13.1", "10.97.13.2")
NAMES = (f"anysocket-a-{os.getpid()}", f"anysocket-b-{os.getpid()}")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def inside(host: int, *command: str) -> None:
    ip("netns", "exec", NAMES[host], "ip", *command)


@pytest.fixture
def hosts() -> Iterator[None]:
    """Two of them, with a cable between."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the command ip")
    try:
        ip("netns", "add", NAMES[0])
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
    try:
        ip("netns", "add", NAMES[1])
        ends = [f"any{number}x{os.getpid()}"[:15] for number in range(2)]
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for host, (end, address) in enumerate(zip(ends, ADDRESSES, strict=True)):
            ip("link", "set", end, "netns", NAMES[host])
            inside(host, "link", "set", end, "name", "cable")
            inside(host, "addr", "add", f"{address}/24", "dev", "cable")
            inside(host, "link", "set", "cable", "up")
            inside(host, "link", "set", "lo", "up")
        yield
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@asynccontextmanager
async def node(host: int, url: str, name: str) -> AsyncIterator[list[Any]]:
    """A node on this host; what it hears."""
    process = await start_node(url, name, "ip", "netns", "exec", NAMES[host])
    heard: list[Any] = []

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            heard.append(json.loads(line))

    reading = asyncio.create_task(read())
    try:
        yield heard
    finally:
        process.kill()
        await process.wait()
        await reading


async def hears(heard: list[Any], name: str, seconds: float = TIMEOUT) -> None:
    """Wait for news of this node."""
    before = len(heard)
    async with asyncio.timeout(seconds):
        while not any(isinstance(each, list) and each[0] == name for each in heard[before:]):
            await asyncio.sleep(0.01)


@pytest.fixture(params=["zenoh", "redis"])
def urls(request: pytest.FixtureRequest, hosts: None, tmp_path: Path) -> Iterator[list[str]]:
    """Of each host."""
    if request.param == "zenoh":
        here, there = (f"tcp/{address}:7447" for address in ADDRESSES)
        yield [f"zenoh://?listen={here}&connect={there}", f"zenoh://?listen={there}&connect={here}"]
        return
    command = ["ip", "netns", "exec", NAMES[0], binary("redis-server"), "--port", "6379", "--save", ""]
    command += ["--bind", ADDRESSES[0], "--dir", str(tmp_path), "--protected-mode", "no"]
    broker = Broker("redis-server", "", 0, command, tmp_path / "log", is_reachable=False)
    broker.start()
    yield [f"redis://{ADDRESSES[0]}"] * 2
    broker.kill()


@pytest.mark.parametrize(
    "seconds", [1, *(pytest.param(seconds, marks=pytest.mark.soak) for seconds in (4, 10))]
)
async def test_rooms_span_hosts(urls: list[str], seconds: float) -> None:
    async with (
        node(0, urls[0], "ann") as ann,
        node(0, urls[0], "bob") as bob,
        node(1, urls[1], "cat") as cat,
        node(1, urls[1], "dan") as dan,
    ):
        by_name = {"ann": ann, "bob": bob, "cat": cat, "dan": dan}
        everybody = [
            (heard, name) for listener, heard in by_name.items() for name in by_name if name != listener
        ]
        await asyncio.gather(*(hears(*each) for each in everybody))
        await asyncio.to_thread(inside, 0, "link", "set", "cable", "down")
        await asyncio.sleep(seconds)
        await asyncio.to_thread(inside, 0, "link", "set", "cable", "up")
        began = time.monotonic()
        await asyncio.gather(*(hears(*each, BACK_WITHIN) for each in everybody))
        logger.warning("rooms span the hosts after %.2f s", time.monotonic() - began)
        await hears(ann, "dan")
        for listener, heard in by_name.items():
            for name in by_name.keys() - {listener}:
                numbers = [each[1] for each in heard if isinstance(each, list) and each[0] == name]
                assert numbers == sorted(set(numbers)), "late, or twice"
                missing = len(numbers) < numbers[-1] - numbers[0] + 1
                assert not missing or any(isinstance(each, dict) for each in heard), "told of what is missing"
