"""Who reads? The watch over handlers that read by themselves (contract 4.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from anysocket._watch import INTERVAL, SOON, Watch, current_watch
from core.fake_transport import FakeTransport, accepted, soon


class Clock:
    """What the watch needs of an event loop, its time in the test's hands."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []
        self.delay = INTERVAL

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        assert delay == self.delay
        self.timers.append(callback)
        return callback

    def tick(self) -> None:
        timers, self.timers = self.timers, []
        for timer in timers:
            timer()


class Connection:
    def __init__(self, watch: Watch | None = None) -> None:
        self.looks = 0
        self.watch = watch

    def attend(self) -> None:
        self.looks += 1
        if self.watch is not None:
            self.watch.discard(self)


def test_one_timer_serves_all_and_none_runs_when_there_are_none() -> None:
    clock: Any = Clock()
    watch = Watch(clock)
    assert clock.timers == []
    connections = [Connection() for _ in range(3)]
    for connection in connections:
        watch.add(connection)
    assert len(clock.timers) == 1
    clock.tick()
    clock.tick()
    assert [connection.looks for connection in connections] == [2, 2, 2]
    for connection in connections:
        watch.discard(connection)
    watch.discard(connections[0])
    clock.tick()
    assert clock.timers == []
    watch.add(connections[0])
    assert len(clock.timers) == 1


def test_one_timer_serves_all_who_are_to_be_looked_at_soon_and_they_are_once() -> None:
    clock: Any = Clock()
    clock.delay = SOON
    watch = Watch(clock)
    connections = [Connection() for _ in range(3)]
    for connection in (*connections, *connections):
        watch.look_soon(connection)
    assert len(clock.timers) == 1
    clock.tick()
    clock.tick()
    assert [connection.looks for connection in connections] == [1, 1, 1]
    assert clock.timers == []
    watch.look_soon(connections[0])
    assert len(clock.timers) == 1


def test_a_connection_that_ends_under_the_look_is_looked_at_no_more() -> None:
    clock: Any = Clock()
    watch = Watch(clock)
    connection = Connection(watch)
    watch.add(connection)
    clock.tick()
    clock.tick()
    assert connection.looks == 1


def test_the_end_must_be_noticed_within_a_second() -> None:
    assert INTERVAL <= 0.5


def test_every_event_loop_has_its_own() -> None:
    async def watch() -> tuple[Watch, Watch]:
        return current_watch(), current_watch()

    (first, again), (other, _) = asyncio.run(watch()), asyncio.run(watch())
    assert first is again
    assert first is not other


async def test_a_handler_that_sleeps_notices_its_peers_end() -> None:
    """Contract 4.6, after it has read before."""
    transport = FakeTransport(way="cancel safe")
    websocket = await accepted(transport)
    transport.arrive("one")
    assert await soon(websocket.receive_text()) == "one"
    transport.arrive("two")
    transport.peer_closes(4001)
    async with asyncio.timeout(1):
        await websocket.wait_closed()
    assert await soon(websocket.receive_text()) == "two"
