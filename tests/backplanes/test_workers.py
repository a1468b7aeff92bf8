"""Rooms across the workers of real servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anysocket.testing import Peer
from anysocket_servers import Running

HERE = Path(__file__).parent
WORKERS = {"granian-rsgi": 4, "uvicorn-sansio": 2, "hypercorn": 2}
ROOMS, MEMBERS, PUBLISHERS, MESSAGES = 20, 10, 2, 10
TIMEOUT = 20.0
ON_ALL = pytest.mark.servers(*WORKERS)


async def workers(running: Running, number: int) -> set[int]:
    """The workers, once so many are there and know each other."""
    end = time.monotonic() + TIMEOUT
    seen: dict[int, int] = {}
    while len(seen) < number or set(seen.values()) != {number}:
        assert time.monotonic() < end, f"not {number} workers, but {seen}:\n{running.log()}"
        try:
            answer = (await running.request("GET", "/worker")).json()
        except httpx2.TransportError:  # It came to one that was just killed.
            seen.clear()
        else:
            seen[answer["pid"]] = answer["nodes"]
    return set(seen)


@pytest.fixture
def start(start_server: Callable[..., Running], server: Any, url: str) -> Callable[[], Running]:
    """Serve the app on several workers."""

    def start() -> Running:
        arguments = ("--workers", str(WORKERS[server.name]))
        return start_server("workers_app:app", HERE, environment={"BACKPLANE": url}, arguments=arguments)

    return start


@asynccontextmanager
async def members(running: Running) -> AsyncIterator[tuple[dict[str, list[Peer]], dict[Peer, str]]]:
    """Clients in each room, wherever the server has put them, and their ids."""
    async with AsyncExitStack() as stack:
        rooms: dict[str, list[Peer]] = defaultdict(list)
        names = [f"room {number % ROOMS}" for number in range(ROOMS * MEMBERS)]
        pids = Counter[int]()
        ids: dict[Peer, str] = {}
        for name in names:
            peer = await stack.enter_async_context(running.connect(f"/rooms/{name.replace(' ', '%20')}"))
            told = await peer.receive_json()
            pids[told["pid"]] += 1
            ids[peer] = told["id"]
            rooms[name].append(peer)
        assert len(pids) > 1, "one worker has all of them: nothing is tested"
        yield rooms, ids


async def publish(peer: Peer, name: str) -> None:
    for number in range(MESSAGES):
        await peer.send_text(f"{name} {number}")


async def heard(peer: Peer) -> dict[str, list[int]]:
    """The numbers by publisher."""
    by_publisher: dict[str, list[int]] = defaultdict(list)
    for _ in range(PUBLISHERS * MESSAGES):
        name, number = (await peer.receive_text(TIMEOUT)).rsplit(" ", 1)
        by_publisher[name].append(int(number))
    return dict(by_publisher)


@ON_ALL
async def test_every_member_gets_every_message_once_in_order(start: Any, server: Any) -> None:
    running = start()
    await workers(running, WORKERS[server.name])
    async with members(running) as (rooms, ids):
        publishing = [
            publish(peer, f"{room} by {index}")
            for room, peers in rooms.items()
            for index, peer in enumerate(peers[:PUBLISHERS])
        ]
        listening = [heard(peer) for peers in rooms.values() for peer in peers]
        _, all_heard = await asyncio.gather(asyncio.gather(*publishing), asyncio.gather(*listening))
        expected = {
            room: {f"{room} by {index}": list(range(MESSAGES)) for index in range(PUBLISHERS)}
            for room in rooms
        }
        by_member = [room for room, peers in rooms.items() for _ in peers]
        assert list(all_heard) == [expected[room] for room in by_member]
        answer = (await running.request("GET", "/worker")).json()
        assert answer["rooms"] == dict.fromkeys(rooms, MEMBERS)
        assert answer["answered"] == WORKERS[server.name] and answer["ready"]
        for peers in rooms.values():
            sent = await running.request("POST", f"/send/{ids[peers[0]]}")
            assert json.loads(sent.text) == {"sent": True}, "whichever worker it came to"
            assert await peers[0].receive_json() == "hello"
    assert "Traceback" not in running.log()


@ON_ALL
async def test_workers_without_a_backplane_are_a_mistake_that_is_told(
    start_server: Callable[..., Running], server: Any
) -> None:
    running = start_server("workers_app:app", HERE, arguments=("--workers", "2"))
    async with running.connect("/rooms/a") as peer:
        await peer.receive_json()
        assert "without a backplane" not in running.log()
        await peer.send_text("x")
        assert await peer.receive_text() == "x"
    log = await running.logged("without a backplane")
    assert 'WebSocketManager(backplane="zenoh://")' in log and "runs several workers" in log


@ON_ALL
async def test_one_worker_is_none(start_server: Callable[..., Running], server: Any) -> None:
    running = start_server("workers_app:app", HERE)
    async with running.connect("/rooms/a") as peer:
        await peer.receive_json()
        await peer.send_text("x")
        assert await peer.receive_text() == "x"
    assert "without a backplane" not in running.log()
