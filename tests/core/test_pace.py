"""How many messages a peer may send, and how long it may be silent."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from anysocket import App, Limits, WebSocket
from anysocket.testing import connect
from core.fake_transport import FakeTransport, settle, soon
from core.reading import Reading

WAYS = ("coroutine", "cancel safe", "future", "yielding")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("anysocket._intake.monotonic", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Session(Reading):
    """One connection to a handler that reads all and keeps it."""

    def __init__(self, limits: Limits, way: str = "coroutine") -> None:
        super().__init__(App(), way=way, limits=limits)

    async def sends(self, count: int) -> None:
        """The peer sends so many, and all that can be read is read."""
        self.transport.arrive(*["text"] * count)
        await settle(10 * count + 50)


@pytest.mark.parametrize("way", WAYS)
async def test_a_burst_passes_and_one_more_closes_with_1008(way: str, clock: Clock) -> None:
    session = Session(Limits(messages_per_second=1, message_burst=5), way)
    await settle()
    await session.sends(5)
    assert len(session.read) == 5 and not session.websocket.closed
    await session.sends(1)
    assert session.transport.close_frame == (1008, "messages_per_second")
    session.transport.peer_closes(1008)
    await soon(session.serving)
    assert len(session.read) == 5
    assert session.end is not None
    assert (session.end.code, session.end.reason, session.end.by) == (1008, "messages_per_second", "us")


async def test_what_was_within_the_limit_is_still_read(clock: Clock) -> None:
    session = Session(Limits(messages_per_second=1, message_burst=5))
    session.reads.clear()
    await session.sends(9)
    assert session.transport.close_frame == (1008, "messages_per_second")
    session.reads.set()
    session.transport.peer_closes(1008)
    await soon(session.serving)
    assert len(session.read) == 5


@pytest.mark.parametrize("way", WAYS)
async def test_the_bucket_fills_up_with_time_and_does_not_overflow(way: str, clock: Clock) -> None:
    session = Session(Limits(messages_per_second=2, message_burst=4), way)
    await settle()
    await session.sends(4)
    clock.passes(1)
    await session.sends(2)
    assert not session.websocket.closed
    clock.passes(3600)
    await session.sends(4)
    assert not session.websocket.closed
    await session.sends(1)
    assert session.transport.close_frame == (1008, "messages_per_second")
    session.transport.peer_closes(1008)
    await soon(session.serving)


async def test_a_burst_is_one_seconds_by_default(clock: Clock) -> None:
    for rate, burst in ((2.5, 3), (0.1, 1), (20, 20)):
        session = Session(Limits(messages_per_second=rate))
        await settle()
        await session.sends(burst)
        assert not session.websocket.closed
        await session.sends(1)
        assert session.websocket.closed
        session.transport.peer_closes(1008)
        await soon(session.serving)


@pytest.mark.parametrize("way", ["coroutine", "future", "yielding"])
async def test_a_peer_that_is_held_back_may_send_what_it_could_have_sent(way: str, clock: Clock) -> None:
    """A handler that does not read is no fault of the peer: what waits comes all at once."""
    session = Session(Limits(messages_per_second=10, message_burst=100), way)
    session.reads.clear()
    await settle()
    await session.sends(100)
    assert session.transport.unread > 0, "the inbox is full"
    clock.passes(10)
    session.transport.arrive(*["text"] * 100)
    session.reads.set()
    await settle(5000)
    assert len(session.read) == 200 and not session.websocket.closed
    session.transport.peer_closes()
    await soon(session.serving)


async def test_a_receive_that_is_cancelled_gives_nothing_away(clock: Clock) -> None:
    """While the peer is listened to the bucket does not overflow, by whichever calls."""
    app = App()
    transport = FakeTransport(way="cancel safe")

    @app.websocket("/", limits=Limits(messages_per_second=1, message_burst=2))
    async def impatient(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(20):
            reading = asyncio.ensure_future(websocket.receive())
            await settle()
            reading.cancel()
            await settle()
            clock.passes(1)
        async for _message in websocket:
            pass

    serving = asyncio.create_task(app.serve(transport))
    await settle(2000)
    transport.arrive("a", "b", "c")
    await settle()
    assert transport.close_frame == (1008, "messages_per_second")
    transport.peer_closes(1008)
    await soon(serving)


async def test_the_log_says_who_was_closed_and_why(caplog: pytest.LogCaptureFixture) -> None:
    app = App(limits=Limits(messages_per_second=0.001))

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket:
            pass

    with caplog.at_level(logging.INFO, "anysocket"):
        async with connect(app, "/") as peer:
            await peer.send_text("1")
            for number in "234":  # All that comes until the peer has read of it is dropped without a word.
                await peer.send_text(number)
            close = await peer.receive_close()
    assert (close.code, close.reason) == (1008, "messages_per_second")
    (record,) = caplog.records
    assert record.levelname == "INFO" and "limit messages_per_second of 0.001 reached" in record.message


async def test_without_a_limit_nothing_stands_before_the_inbox() -> None:
    """No cost for a message where none is set."""
    app = App(limits=Limits(connections=10, messages_per_second=float("inf")))
    transport = FakeTransport()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        assert websocket._inbox._transport is transport
        assert websocket._inbox._decode == transport.decode
        await websocket.accept()

    await soon(app.serve(transport))
    assert transport.close_frame == (1000, "")


# -- silence --


@pytest.mark.parametrize("way", WAYS)
async def test_silence_closes_with_1008(way: str) -> None:
    session = Session(Limits(idle_timeout=0.05), way)
    async with asyncio.timeout(5):
        while session.transport.close_frame is None:
            await asyncio.sleep(0.01)
    assert session.transport.close_frame == (1008, "idle_timeout")
    session.transport.peer_closes(1008)
    await soon(session.serving)
    assert session.end is not None and session.end.reason == "idle_timeout"


async def test_every_message_begins_it_anew(clock: Clock) -> None:
    session = Session(Limits(idle_timeout=60))
    await settle()
    patience: Any = session.websocket._inbox._transport
    for _ in range(5):
        clock.passes(59)
        await session.sends(1)
        patience._look()
        assert not session.websocket.closed
    clock.passes(60)
    patience._look()
    await settle()
    assert session.transport.close_frame == (1008, "idle_timeout")
    session.transport.peer_closes()
    await soon(session.serving)


async def test_a_peer_that_is_held_back_is_not_silent(clock: Clock) -> None:
    session = Session(Limits(idle_timeout=60))
    session.reads.clear()
    await settle()
    await session.sends(100)
    assert session.transport.unread > 0
    patience: Any = session.websocket._inbox._transport
    clock.passes(3600)
    patience._look()
    assert not session.websocket.closed
    session.reads.set()
    await settle(2000)
    patience._look()
    assert not session.websocket.closed and len(session.read) == 100
    session.transport.peer_closes()
    await soon(session.serving)


async def test_its_timer_goes_with_the_connection() -> None:
    session = Session(Limits(idle_timeout=60))
    await settle()
    patience: Any = session.websocket._inbox._transport
    assert patience._timer is not None and not patience._timer.cancelled()
    session.transport.peer_closes()
    await soon(session.serving)
    assert patience._timer.cancelled()
