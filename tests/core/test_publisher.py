"""Publishing from outside, with an event loop and without."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from anysocket import BackplaneError, Publisher, SyncPublisher, WebSocketManager, _publisher
from anysocket.testing import MemoryHub
from core.fake_transport import FakeTransport
from core.members import add
from core.nodes import nodes, until
from core.test_node import Slow


@asynccontextmanager
async def member(hub: MemoryHub) -> AsyncIterator[tuple[WebSocketManager, FakeTransport]]:
    async with nodes(hub, 1) as ((manager,), _):
        peer = await add(manager, "bob", user="bob")
        for room in "rs":
            await manager.join_room("bob", room)
        yield manager, peer


async def test_all_that_can_be_published() -> None:
    hub = MemoryHub()
    async with member(hub) as (manager, bob), Publisher(hub.connect()) as publisher:
        await publisher.broadcast_to_room("r", "room")
        await publisher.broadcast_to_rooms(["s", "r", "r"], b"rooms")
        await publisher.broadcast_to_rooms([], "nobody")
        await publisher.broadcast_to_all("all", policy="drop_oldest")
        await publisher.broadcast_to_all("not you", exclude="bob")
        await publisher.send_to("bob", "you")
        await publisher.send_to("nobody", "you")
        await publisher.send_to_user("bob", "user")
        await until(lambda: len(bob.sent) == 5)
        assert bob.sent == ["room", b"rooms", "all", "you", "user"]
        assert manager.backplane.statistics.nodes == 1, "a publisher is no node"


@pytest.mark.parametrize(
    ("arguments", "error"), [(("r", 7), TypeError), (("r", "\ud800"), ValueError), (("r", "x"), ValueError)]
)
async def test_mistakes(arguments: tuple[str, Any], error: type[Exception]) -> None:
    publisher = Publisher(MemoryHub().connect())
    with pytest.raises(error):
        await publisher.broadcast_to_room(*arguments, policy="whatever")  # type: ignore[arg-type]


async def test_down_is_an_error_each_time_and_up_is_none() -> None:
    hub = MemoryHub()
    async with member(hub) as (_, bob), Publisher(hub.connect()) as publisher:
        hub.fail()
        for _ in range(2):
            with pytest.raises(BackplaneError, match="the hub is down"):
                await publisher.broadcast_to_room("r", "lost")
        hub.restore()
        await publisher.broadcast_to_room("r", "back")
        assert bob.sent in ([], ["back"]), "what was lost stays lost"


async def test_a_connection_that_has_gone_meanwhile_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publisher, "IDLE", 0.0)
    slow = Slow()
    slow.free.set()
    healthy = [True, False, True]

    async def health() -> None:
        if not healthy.pop(0):
            raise OSError("gone")

    slow.health = health  # type: ignore[method-assign]
    publisher = Publisher(slow)
    for text in "abc":
        await publisher.broadcast_to_all(text)
    assert [data[-1:] for data in slow.taken] == [b"a", b"b", b"c"] and healthy == [True]
    await publisher.close()
    await publisher.close()


async def test_what_takes_too_long_or_is_cancelled_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publisher, "TIMEOUT", 0.02)
    publisher = Publisher(Slow())
    with pytest.raises(BackplaneError, match="TimeoutError"):
        await publisher.broadcast_to_all("x")
    monkeypatch.setattr(_publisher, "TIMEOUT", 5)
    task = asyncio.create_task(publisher.broadcast_to_all("x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_message_that_is_too_large() -> None:
    slow = Slow()
    slow.max_bytes = 100
    with pytest.raises(BackplaneError, match="exceeds the backplane's 100 bytes"):
        await Publisher(slow).broadcast_to_all("x" * 100)


async def test_without_an_event_loop() -> None:
    hub = MemoryHub()
    async with member(hub) as (_, bob):

        def publish() -> None:
            with SyncPublisher(hub.connect()) as publisher:
                publisher.broadcast_to_room("r", "room")
                publisher.broadcast_to_rooms(["r", "s"], "rooms")
                publisher.broadcast_to_all("all")
                publisher.send_to("bob", "you")
                publisher.send_to_user("bob", "user")
                publisher.close()
                publisher.broadcast_to_room("r", "again")

        threads = threading.active_count()
        await asyncio.to_thread(publish)
        await until(lambda: len(bob.sent) == 6)
        assert bob.sent == ["room", "rooms", "all", "you", "user", "again"]
        assert threading.active_count() <= threads + 1, "but for to_thread's own"


async def test_in_an_event_loop_the_other_one_is_right() -> None:
    with pytest.raises(RuntimeError, match=r"use anysocket\.Publisher"):
        SyncPublisher(MemoryHub().connect()).broadcast_to_all("x")


def test_a_forked_process_connects_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    slow.free.set()
    publisher = SyncPublisher(slow)
    publisher.broadcast_to_all("a")
    first, loop = publisher._publisher, publisher._loop
    monkeypatch.setattr(os, "getpid", lambda: 1)
    publisher.broadcast_to_all("b")
    assert publisher._publisher is not first and publisher._loop is not loop
    publisher.close()
    assert loop is not None
    loop.close()


class Polite:
    """A lock that, once let go of, is offered to the other thread first."""

    def __init__(self, lock: Any) -> None:
        self.lock = lock
        self.other = threading.Event()

    def __enter__(self) -> None:
        self.lock.acquire()
        if threading.current_thread() is not threading.main_thread():
            self.other.set()

    def __exit__(self, *error: object) -> None:
        self.lock.release()
        if threading.current_thread() is threading.main_thread():
            self.other.wait(0.2)


def test_a_broadcast_during_the_close_of_another_thread_is_not_left_connected() -> None:
    connected: list[str] = []

    class Counting(Slow):
        async def start(self, listener: Any) -> None:
            connected.append("start")

        async def stop(self) -> None:
            connected.append("stop")
            if len(connected) == 2:
                other.start()

    counting = Counting()
    counting.free.set()
    publisher = SyncPublisher(counting)
    other = threading.Thread(target=publisher.broadcast_to_all, args=("b",))
    publisher.broadcast_to_all("a")
    lock: Any = Polite(publisher._lock)
    publisher._lock = lock
    publisher.close()
    other.join(5)
    publisher.close()
    assert connected == ["start", "stop"] * 2 and len(counting.taken) == 2
