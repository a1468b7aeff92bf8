"""Workers die and are replaced, one after the other, under traffic between the others."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from anysocket import ConnectionClosed
from anysocket.testing import Peer
from anysocket_servers import Running
from backplanes.test_workers import workers

HERE = Path(__file__).parent
TIMEOUT = 10.0
PAUSE = 0.005
"""Seconds between messages: what a broker keeps in ten seconds is more than an outbox holds."""
ARGUMENTS = ("--workers", "3", "--respawn-failed-workers", "--respawn-interval", "0.1")


class Clients:
    """Connections to one room, by worker."""

    def __init__(self, running: Running, stack: AsyncExitStack) -> None:
        self._running = running
        self._stack = stack
        self.by_worker: dict[int, Peer] = {}

    async def on(self, worker: int) -> Peer:
        """One on this worker, wherever the server puts the others."""
        end = time.monotonic() + TIMEOUT
        while worker not in self.by_worker:
            assert time.monotonic() < end, f"no connection comes to worker {worker}"
            with suppress(OSError, EOFError):  # It came to one that was just killed.
                peer = await self._stack.enter_async_context(self._running.connect("/rooms/r"))
                while not isinstance(told := await peer.receive_json(), dict):
                    pass  # The others are heard already.
                self.by_worker.setdefault(told["pid"], peer)
        return self.by_worker[worker]


async def send_until(stop: asyncio.Event, peer: Peer, sent: list[int]) -> None:
    while not stop.is_set():
        await peer.send_text(str(len(sent)))
        sent.append(len(sent))
        await asyncio.sleep(PAUSE)


async def note(peer: Peer, came: list[Any]) -> None:
    try:
        while True:
            came.append(await peer.receive_json(2 * TIMEOUT))
    except ConnectionClosed as closed:
        came.append({"closed": str(closed)})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.01)


def more_than(number: int, *lists: list[Any]) -> Callable[[], bool]:
    return lambda: all(len(each) > number for each in lists)


def at_least(number: int, came: list[Any]) -> Callable[[], bool]:
    return lambda: any(isinstance(each, int) and each >= number for each in came)


def caught_up(sent: list[int], *lists: list[Any]) -> Callable[[], bool]:
    return lambda: all(sent[-1] in each[-3:] for each in lists)


async def wait_for_replacement(running: Running, dead: int) -> int:
    """The worker that takes the place of one that has died, once all know each other."""
    before = await workers(running, 3)
    while dead in before:
        before = await workers(running, 3)
    return max(before)


@pytest.mark.soak
@pytest.mark.servers("granian-rsgi")
@pytest.mark.usefixtures("server")
async def test_every_worker_is_killed_once(start_server: Callable[..., Running], url: str) -> None:
    """On Zenoh, the one that came first as well, by whom the others find each other."""
    running = start_server("workers_app:app", HERE, environment={"BACKPLANE": url}, arguments=ARGUMENTS)
    for victim in sorted(await workers(running, 3)):
        async with AsyncExitStack() as stack:
            clients = Clients(running, stack)
            here, there = sorted(await workers(running, 3) - {victim})
            sender, receiver = await clients.on(here), await clients.on(there)
            sent: list[int] = []
            stop = asyncio.Event()
            came: list[Any] = []
            async with asyncio.TaskGroup() as tasks:
                noting = tasks.create_task(note(receiver, came))
                sending = tasks.create_task(send_until(stop, sender, sent))
                await until(more_than(20, came))
                os.kill(victim, signal.SIGKILL)
                new = await clients.on(await wait_for_replacement(running, victim))
                assert isinstance(await new.receive_json(), int), "it hears the others at once"
                stop.set()
                await sending
                await until(caught_up(sent, came))
                noting.cancel()
            assert came == sent[-len(came) :], "those that live miss nothing"


@pytest.mark.soak
@pytest.mark.servers("granian-rsgi")
@pytest.mark.usefixtures("server")
async def test_a_worker_that_stands_still_for_ten_seconds(
    start_server: Callable[..., Running], url: str
) -> None:
    running = start_server("workers_app:app", HERE, environment={"BACKPLANE": url}, arguments=ARGUMENTS)
    for victim in sorted(await workers(running, 3)):
        async with AsyncExitStack() as stack:
            clients = Clients(running, stack)
            here, there = sorted(await workers(running, 3) - {victim})
            sender, receiver = await clients.on(here), await clients.on(there)
            paused = await clients.on(victim)
            sent: list[int] = []
            stop = asyncio.Event()
            came: list[Any] = []
            came_late: list[Any] = []
            async with asyncio.TaskGroup() as tasks:
                noting = [tasks.create_task(note(*each)) for each in ((receiver, came), (paused, came_late))]
                sending = tasks.create_task(send_until(stop, sender, sent))
                await until(more_than(20, came, came_late))
                os.kill(victim, signal.SIGSTOP)
                await asyncio.sleep(10)
                os.kill(victim, signal.SIGCONT)
                missed = len(sent)
                await until(at_least(missed, came_late))
                stop.set()
                await sending
                await until(caught_up(sent, came, came_late))
                for task in noting:
                    task.cancel()
            assert came == sent[-len(came) :], "those that live miss nothing"
            check_told(came_late)


def check_told(came: list[Any]) -> None:
    """The app was told how many messages are missing, or that nobody knows."""
    numbers = [each for each in came if isinstance(each, int)]
    told = [each["gap"] for each in came if isinstance(each, dict) and "gap" in each]
    assert numbers == sorted(set(numbers)), "late, or twice"
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    assert None in told or sum(told) == missing
