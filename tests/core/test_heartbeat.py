"""Pings as text, where the server has none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from anysocket import App, Capability, Heartbeat, Limits, WebSocket
from anysocket._heartbeat import _leave_to
from core.fake_transport import EVERYTHING, FakeTransport, settle, soon
from core.reading import Reading

WITHOUT = EVERYTHING & ~Capability.PING
QUICK = Heartbeat(interval=0.01, timeout=5)


@pytest.fixture(autouse=True)
def nothing_is_told_yet() -> Iterator[None]:
    _leave_to.cache_clear()
    yield
    _leave_to.cache_clear()


class Session(Reading):
    """One connection to a handler that reads all and keeps it."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        *,
        way: str = "coroutine",
        capabilities: Capability = WITHOUT,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(App(heartbeat=heartbeat, limits=limits), way=way, capabilities=capabilities)

    async def until_pinged(self, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while len(self.transport.sent) < times:
                await asyncio.sleep(0.002)

    async def peer_closes(self) -> None:
        self.transport.peer_closes()
        await soon(self.serving)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"interval": 0}, "interval must be a positive number of seconds"),
        ({"timeout": float("inf")}, "timeout must be a positive number of seconds"),
        ({"ping": ""}, "ping must be a non-empty str"),
        ({"pong": b"pong"}, "pong must be a non-empty str"),
    ],
)
def test_mistakes_are_told_at_once(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Heartbeat(**wrong)


@pytest.mark.parametrize("way", ["coroutine", "cancel safe", "future", "yielding"])
async def test_a_peer_that_answers_stays_and_its_round_trip_is_known(way: str) -> None:
    session = Session(QUICK, way=way)
    await session.until_pinged()
    assert session.websocket.statistics.round_trip is None
    for times in (1, 2, 3):
        await session.until_pinged(times)
        session.transport.arrive("pong")
        await settle()
        round_trip = session.websocket.statistics.round_trip
        assert round_trip is not None and 0 <= round_trip < 5
    session.transport.arrive("hello", b"pong")
    await settle()
    assert session.read == ["hello", b"pong"], "answers reach no handler"
    assert session.transport.sent[:3] == ["ping"] * 3
    assert session.websocket.statistics.messages_received == 2
    await session.peer_closes()


@pytest.mark.parametrize("way", ["coroutine", "cancel safe", "future"])
async def test_a_peer_that_does_not_answer_is_lost(way: str, caplog: pytest.LogCaptureFixture) -> None:
    session = Session(Heartbeat(interval=0.01, timeout=0.05), way=way)
    with caplog.at_level(logging.INFO, "anysocket"):
        await soon(session.serving)
    assert session.end is not None
    assert (session.end.code, session.end.by) == (1006, "lost")
    assert session.transport.sent == ["ping"]
    assert session.transport.released and session.transport.close_frame is None
    assert any("does not answer its heartbeat" in record.message for record in caplog.records)


async def test_a_peer_that_takes_nothing_is_lost() -> None:
    session = Session(Heartbeat(interval=0.01, timeout=0.05))
    session.transport.hold_sends()
    await soon(session.serving)
    assert session.end is not None and session.end.code == 1006
    session.transport.let_sends_go()


async def test_a_server_that_fails_to_send_a_ping_loses_the_peer(caplog: pytest.LogCaptureFixture) -> None:
    """Else nobody would be told: the ping's task has no one who waits for it."""
    session = Session(Heartbeat(interval=0.01, timeout=60.0))
    session.transport.send_fails_with = ZeroDivisionError("a bug of the server")
    await soon(session.serving)
    assert session.end is not None and (session.end.code, session.end.by) == (1006, "lost")
    assert "a bug of the server" in caplog.text


async def test_an_answer_that_overtakes_the_end_of_the_send_counts() -> None:
    """Servers with threads of their own may tell that the ping is sent after the peer has answered it."""
    session = Session(Heartbeat(interval=0.01, timeout=60.0))
    session.transport.hold_sends()
    async with asyncio.timeout(5):
        while not session.transport._sending:
            await asyncio.sleep(0.002)
    session.transport.arrive("pong")
    await settle()
    session.transport.let_sends_go()
    await session.until_pinged(2)
    assert session.websocket.statistics.round_trip is not None and session.read == []
    await session.peer_closes()


async def test_a_peer_that_is_refused_is_not_pinged() -> None:
    app = App(heartbeat=QUICK)

    @app.websocket("/")
    async def refusing(websocket: WebSocket) -> None:
        await websocket.deny(403)

    transport = FakeTransport(capabilities=WITHOUT)
    await soon(app.serve(transport))
    await asyncio.sleep(5 * QUICK.interval)
    assert transport.answer == ("deny", 403, [], b"") and transport.sent == []


async def test_a_peer_that_sends_is_there_though_it_does_not_answer() -> None:
    session = Session(Heartbeat(interval=0.01, timeout=0.2))
    await session.until_pinged()
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.5
    while loop.time() < until:
        session.transport.arrive("busy")
        await asyncio.sleep(0.01)
    assert not session.websocket.closed
    assert session.transport.sent == ["ping"], "one at a time"
    await session.peer_closes()


async def test_a_peer_that_is_held_back_is_not_lost() -> None:
    """Its answer waits behind what the handler does not read."""
    session = Session(Heartbeat(interval=0.01, timeout=0.05))
    session.reads.clear()
    session.transport.arrive(*["text"] * 100, "pong")
    await session.until_pinged()
    await asyncio.sleep(0.2)
    assert not session.websocket.closed
    session.reads.set()
    await settle(500)
    assert len(session.read) == 100 and session.websocket.statistics.round_trip is not None
    await session.peer_closes()


async def test_the_words_are_the_users() -> None:
    session = Session(Heartbeat(interval=0.01, ping='{"type":"ping"}', pong='{"type":"pong"}'))
    await session.until_pinged()
    assert session.transport.sent == ['{"type":"ping"}']
    session.transport.arrive('{"type":"pong"}', "pong")
    await settle()
    assert session.read == ["pong"]
    await session.peer_closes()


async def test_an_answer_is_no_message_to_the_limits() -> None:
    session = Session(QUICK, limits=Limits(messages_per_second=0.001, idle_timeout=0.2))
    answered = 0
    async with asyncio.timeout(5):
        while session.transport.close_frame is None:
            if len(session.transport.sent) > answered:
                session.transport.arrive("pong")
                answered += 1
            await asyncio.sleep(0.002)
    assert answered > 1
    assert session.transport.close_frame == (1008, "idle_timeout")
    await session.peer_closes()


async def test_where_the_server_pings_it_is_left_to_it_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "anysocket"):
        for _ in range(2):
            session = Session(Heartbeat(interval=0.01, timeout=0.02), capabilities=EVERYTHING)
            await settle()
            session.transport.arrive("pong")
            await asyncio.sleep(0.1)
            assert session.transport.sent == [] and session.read == ["pong"]
            await session.peer_closes()
    (record,) = caplog.records
    assert record.message == "the fake server pings its peers by itself: the heartbeat is left to it"


async def test_its_timer_goes_with_the_connection() -> None:
    session = Session(Heartbeat(interval=60))
    await settle()
    pulse: Any = session.websocket._inbox._transport
    await session.peer_closes()
    assert pulse._timer.cancelled()
