"""The end of an app: what becomes of its connections, its handlers and its lifespan (contract section 7)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from anysocket import App, ConnectionClosed, WebSocket, WebSocketManager, _drain
from anysocket.testing import Refused, connect, lifespan
from core.fake_transport import FakeTransport, ends_within, settle, soon

SHORT = 0.2
"""Seconds for a drain of which some handler takes all."""
SLACK = 0.5
"""Seconds more, for a machine that is busy with other things."""
LONG = 60.0
"""Seconds for one that must not come near its end."""


class Handler:
    """One that says what it has seen."""

    def __init__(self, wait: Callable[[WebSocket], Awaitable[object]]) -> None:
        self.wait = wait
        self.accepted = asyncio.Event()
        self.seen: list[str] = []

    async def __call__(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.accepted.set()
        try:
            await self.wait(websocket)
        except asyncio.CancelledError:
            self.seen.append("cancelled")
            raise
        finally:
            self.seen.append("finally")


async def receive(websocket: WebSocket) -> None:
    async for _ in websocket:
        pass


async def sleep(_: WebSocket) -> None:
    await asyncio.Event().wait()


async def swallow(_: WebSocket) -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


async def swallow_all(_: WebSocket) -> None:
    while True:
        with contextlib.suppress(BaseException):
            await asyncio.Event().wait()


def serving(handler: Any, **options: Any) -> App:
    app = App(**options)
    app.websocket("/")(handler)
    return app


async def open_one(app: App, transport: FakeTransport) -> asyncio.Task[None]:
    """A connection whose handler has run until it waits."""
    task = asyncio.create_task(app.serve(transport))
    await settle()
    return task


async def open_many(app: App, count: int) -> list[FakeTransport]:
    transports = [FakeTransport() for _ in range(count)]
    for transport in transports:
        await open_one(app, transport)
    return transports


# -- what the peers see --


async def test_peers_are_told_and_handlers_unwind() -> None:
    handler = Handler(receive)
    app = serving(handler)
    async with connect(app, "/") as peer:
        with ends_within(SLACK):
            draining = asyncio.create_task(app.drain())
            close = await peer.receive_close()
            assert (close.code, close.reason) == (1001, "server shutting down")
            await soon(draining)
        assert handler.seen == ["finally"]


async def test_what_was_queued_comes_before_the_close() -> None:
    manager = WebSocketManager()

    async def member(websocket: WebSocket) -> None:
        await websocket.accept()
        manager.add_connection(websocket.id, websocket)
        await websocket.wait_closed()

    app, transport = serving(member), FakeTransport()
    serves = await open_one(app, transport)
    transport.hold_sends()
    messages = [str(number) for number in range(10)]
    for message in messages:
        await manager.broadcast_to_all(message)
    draining = asyncio.create_task(app.drain(LONG))
    await settle()
    assert transport.close_frame is None
    transport.let_sends_go()
    await settle()
    assert transport.sent == messages
    assert transport.close_frame == (1001, "server shutting down")
    transport.peer_closes(1001)
    await soon(draining)
    assert serves.done()


async def test_new_connections_are_refused_until_the_app_starts_anew() -> None:
    app = serving(Handler(receive))
    assert app.ready
    async with lifespan(app):
        await app.drain()
        assert not app.ready
        with pytest.raises(Refused) as refused:
            async with connect(app, "/"):
                pass
        assert refused.value.status == 503
    assert app.ready
    async with lifespan(app), connect(app, "/"):
        pass


async def test_a_handler_that_has_not_accepted_is_refused_and_told() -> None:
    go_on = asyncio.Event()
    told: list[ConnectionClosed] = []

    async def slow(websocket: WebSocket) -> None:
        await go_on.wait()
        for use in (websocket.accept, websocket.receive, lambda: websocket.send_text("")):
            with pytest.raises(ConnectionClosed) as closed:
                await use()
            told.append(closed.value)

    app, transport = serving(slow), FakeTransport()
    serves = await open_one(app, transport)
    draining = asyncio.create_task(app.drain(LONG))
    await settle()
    assert transport.answer == ("deny", 503, [], b"")
    go_on.set()
    await soon(draining)
    assert serves.done() and serves.exception() is None
    assert [(each.code, each.by) for each in told] == [(1001, "us")] * 3


async def test_one_that_is_being_accepted_is_closed_when_it_is() -> None:
    handler = Handler(receive)
    app, transport = serving(handler), FakeTransport()
    transport.accept_waits_for = asyncio.get_running_loop().create_future()
    await open_one(app, transport)
    draining = asyncio.create_task(app.drain(LONG))
    await settle()
    assert transport.answer == ("accept", None, []) and transport.close_frame is None
    transport.accept_waits_for.set_result(None)
    await soon(handler.accepted.wait())
    while transport.close_frame is None:
        await asyncio.sleep(0.001)
    transport.peer_closes(1001)
    await soon(draining)
    assert handler.seen == ["finally"]


async def test_an_accept_that_never_ends_is_cancelled() -> None:
    app, transport = serving(Handler(receive)), FakeTransport()
    transport.accept_waits_for = asyncio.get_running_loop().create_future()
    serves = await open_one(app, transport)
    with ends_within(SHORT + SLACK):
        await app.drain(SHORT)
    assert serves.done()


async def test_one_that_is_refused_or_closed_already_is_left_alone() -> None:
    async def deny(websocket: WebSocket) -> None:
        await websocket.deny(401)
        await asyncio.Event().wait()

    async def leave(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)
        await asyncio.Event().wait()

    for handler in (deny, leave):
        app, transport = serving(handler), FakeTransport()
        await open_one(app, transport)
        await app.drain(SHORT)
        assert transport.answer == ("deny", 401, [], b"") or transport.close_frame == (4000, "")


async def test_closes_come_in_batches_with_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_drain, "BATCH", 10)
    monkeypatch.setattr(_drain, "PAUSE", 0.02)
    app = serving(Handler(receive))
    transports = await open_many(app, 45)
    draining = asyncio.create_task(app.drain(LONG))
    counts: set[int] = set()
    while not draining.done():
        closed = [transport for transport in transports if transport.close_frame]
        counts.add(len(closed))
        for transport in closed:
            if transport.unread == 0 and not transport.released:
                transport.peer_closes(1001)
        await asyncio.sleep(0.001)
    assert {10, 20, 30, 40, 45} <= counts <= {0, 10, 20, 30, 40, 45}


async def test_one_that_ends_before_its_batch_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_drain, "BATCH", 1)
    app = serving(Handler(receive))
    first, second = FakeTransport(), FakeTransport()
    for transport in (first, second):
        await open_one(app, transport)
    draining = asyncio.create_task(app.drain(LONG))
    await settle()
    told, untold = (first, second) if first.close_frame else (second, first)
    untold.peer_closes(4000)
    told.peer_closes(1001)
    await soon(draining)
    assert untold.close_frame is None


async def test_nobody_goes_untold_because_the_process_stood_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_drain, "BATCH", 1)
    app = serving(Handler(receive))
    transports = await open_many(app, 10)
    draining = asyncio.create_task(app.drain(SHORT))
    await settle()
    assert any(transport.close_frame is None for transport in transports)
    time.sleep(SHORT)  # noqa: ASYNC251 - the whole process stands still
    await soon(draining)
    assert {transport.close_frame for transport in transports} == {(1001, "server shutting down")}


async def test_a_peer_that_takes_nothing_is_cut() -> None:
    async def flood(websocket: WebSocket) -> None:
        while True:
            await websocket.send_text("more")

    handler = Handler(flood)
    app, transport = serving(handler), FakeTransport()
    transport.hold_sends()
    serves = await open_one(app, transport)
    with ends_within(SHORT + SLACK):
        await app.drain(SHORT)
    assert handler.seen == ["cancelled", "finally"]
    assert transport.released and serves.done()
    assert app.has_cut


async def test_a_close_that_the_server_does_not_take_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(FakeTransport):
        async def close(self, code: int, reason: str) -> None:
            await asyncio.Event().wait()

    app, transport = serving(Handler(receive)), Stuck()
    serves = await open_one(app, transport)
    with caplog.at_level(logging.WARNING, "anysocket"), ends_within(SHORT + SLACK):
        await app.drain(SHORT)
    assert serves.done() and serves.exception() is None
    assert "1 connections have not ended in time: cut" in caplog.text


async def test_tcp_that_still_waits_is_aborted_at_the_end() -> None:
    class Abortable(FakeTransport):
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    app, transport = serving(Handler(receive)), Abortable(linger=0.0)
    await open_one(app, transport)
    draining = asyncio.create_task(app.drain(SHORT))
    await settle()
    transport.peer_closes(1001)
    await soon(draining)
    assert not transport.aborted
    await asyncio.sleep(SHORT)
    assert transport.aborted


async def test_what_was_left_to_the_server_is_cancelled_and_left_behind_at_the_end() -> None:
    """There are servers that would wait for it without limit."""
    app, seen = App(), list[str]()

    async def guest() -> None:
        try:
            await swallow(WebSocket(FakeTransport()))
        finally:
            seen.append("finally")

    async def server() -> None:
        coroutine = guest()
        with app.watch("a guest", left=True).around(coroutine):
            await coroutine

    serves = asyncio.create_task(server())
    await settle()
    await app.drain(SHORT)
    assert not serves.done()
    await soon(serves)
    assert seen == ["finally"]


async def test_what_was_left_to_the_server_and_ends_is_not_cancelled_again() -> None:
    """The server's own part of the task goes on."""
    app, server_goes_on = App(), asyncio.Event()

    async def server() -> None:
        coroutine = sleep(WebSocket(FakeTransport()))
        with app.watch("a guest", left=True).around(coroutine):
            await coroutine
        await server_goes_on.wait()

    serves = asyncio.create_task(server())
    await settle()
    await app.drain(SHORT)
    await asyncio.sleep(SHORT + 2 * _drain.SETTLE)
    assert not serves.done()
    server_goes_on.set()
    await soon(serves)


# -- what the handlers see --


async def test_a_handler_that_sleeps_is_cancelled_and_that_is_a_normal_end() -> None:
    handler = Handler(sleep)
    app, transport = serving(handler), FakeTransport()
    serves = await open_one(app, transport)
    with ends_within(SHORT + SLACK):
        await app.drain(SHORT)
    assert handler.seen == ["cancelled", "finally"]
    assert serves.done() and not serves.cancelled() and serves.exception() is None


async def test_a_handler_that_finishes_its_work_in_half_of_the_time_is_not_cancelled() -> None:
    async def work(websocket: WebSocket) -> None:
        await websocket.wait_closed()
        await asyncio.sleep(0.05)

    handler = Handler(work)
    app = serving(handler)
    async with connect(app, "/") as peer:
        draining = asyncio.create_task(app.drain(LONG))
        await peer.receive_close()
        await soon(draining)
        assert handler.seen == ["finally"]


async def test_a_handler_that_catches_its_cancellation_and_returns_has_ended() -> None:
    async def give_in(websocket: WebSocket) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await sleep(websocket)

    cancelling: list[int] = []

    async def server(app: App, transport: FakeTransport) -> None:
        await app.serve(transport)
        task = asyncio.current_task()
        assert task is not None
        cancelling.append(task.cancelling())

    app = serving(Handler(give_in))
    serves = asyncio.create_task(server(app, FakeTransport()))
    await settle()
    await app.drain(SHORT)
    await soon(serves)
    assert cancelling == [0]


@pytest.mark.parametrize("wait", [swallow, swallow_all])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_handler_that_swallows_cancellation_is_left_behind(
    wait: Callable[[WebSocket], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    finished: list[str] = []

    async def stubborn(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await wait(websocket)
        finally:
            finished.append("finally")

    app = serving(stubborn)
    transports = [FakeTransport(), FakeTransport()]
    serves = [await open_one(app, transport) for transport in transports]
    transports[1].peer_closes()
    await settle()
    with ends_within(SHORT + SLACK):
        await app.drain(SHORT)
    assert all(task.done() and task.exception() is None for task in serves)
    assert finished == ["finally", "finally"]
    (record,) = [record for record in caplog.records if "left behind" in record.getMessage()]
    assert record.levelno == logging.ERROR
    assert "stubborn (2)" in record.getMessage()


async def test_what_a_handler_raises_as_it_is_left_behind_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def stubborn(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await swallow(websocket)
        finally:
            raise LookupError("on the way out")

    app = serving(stubborn)
    serves = await open_one(app, FakeTransport())
    await app.drain(SHORT)
    assert serves.done() and "on the way out" in caplog.text


async def test_a_guest_that_swallows_cancellation_is_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    """A mounted app's connection, of which the core knows nothing that it could cut."""
    app = App()

    async def server() -> None:
        coroutine = swallow(WebSocket(FakeTransport()))
        with app.watch("a guest").around(coroutine):
            await coroutine

    serves = asyncio.create_task(server())
    await settle()
    await app.drain(SHORT)
    assert serves.done() and "a guest (1)" in caplog.text


@pytest.mark.parametrize("error", [LookupError(), SystemExit(), asyncio.CancelledError()], ids=repr)
async def test_what_is_raised_around_a_handler_left_behind_is_logged(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """As by what an adapter runs instead of a handler. None of it ends the server, or keeps others."""
    app = App()

    async def guest() -> None:
        try:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
        finally:
            raise error

    async def server() -> None:
        coroutine = guest()
        websocket = WebSocket(FakeTransport())
        await websocket.accept()
        with app.watch("a guest", websocket).around(coroutine):
            await coroutine

    serves = [asyncio.create_task(server()) for _ in range(2)]
    await settle()
    await app.drain(SHORT)
    assert all(task.done() for task in serves)
    failed = [record for record in caplog.records if "handler a guest failed" in record.message]
    assert [record.exc_info and record.exc_info[1] for record in failed] == [error, error]


async def test_a_cancellation_by_the_server_comes_out() -> None:
    app = serving(Handler(sleep))
    serves = await open_one(app, FakeTransport())
    draining = asyncio.create_task(app.drain(SHORT))
    await settle()
    serves.cancel()
    await soon(draining)
    await asyncio.wait({serves})
    assert serves.cancelled()


async def test_a_handler_that_drains_is_not_waited_for() -> None:
    drained: list[float] = []
    app = App()

    @app.websocket("/")
    async def administrator(websocket: WebSocket) -> None:
        await websocket.accept()
        await app.drain(LONG)
        await websocket.send_text("drained")
        drained.append(1)

    other = Handler(receive)
    app.websocket("/other")(other)
    async with connect(app, "/other") as peer, connect(app, "/") as admin:
        assert (await peer.receive_close()).code == 1001
        assert await admin.receive_text() == "drained"
        assert (await admin.receive_close()).code == 1000
    assert drained and other.seen == ["finally"]


# -- the course of it --


async def test_ready_turns_false_first_and_connections_are_taken_for_the_delay() -> None:
    app = serving(Handler(receive), drain_timeout=LONG, drain_delay=0.1)
    loop = asyncio.get_running_loop()
    async with connect(app, "/") as early:
        began = loop.time()
        draining = asyncio.create_task(app.drain())
        await settle()
        assert not app.ready
        async with connect(app, "/") as late:
            for peer in (early, late):
                assert (await peer.receive_close()).code == 1001
            assert loop.time() - began >= 0.1
    await soon(draining)


async def test_all_who_call_wait_for_the_same_end() -> None:
    app, transport = serving(Handler(receive)), FakeTransport()
    await open_one(app, transport)
    calls = [asyncio.create_task(app.drain()) for _ in range(3)]
    await settle()
    assert not any(call.done() for call in calls)
    transport.peer_closes(1001)
    for call in calls:
        await soon(call)
    await soon(app.drain())


async def test_a_later_call_can_only_hasten_it() -> None:
    app = serving(Handler(sleep), drain_timeout=LONG, drain_delay=LONG / 3)
    serves = await open_one(app, FakeTransport())
    draining = asyncio.create_task(app.drain())
    await settle()
    with ends_within(SHORT + SLACK):
        await app.drain(SHORT / 2)
    assert draining.done() and serves.done()
    app = serving(Handler(sleep))
    await open_one(app, FakeTransport())
    first = asyncio.create_task(app.drain(SHORT))
    await settle()
    with ends_within(SHORT + SLACK):
        await app.drain(LONG)
    assert first.done()


async def test_hasten_cancels_at_once() -> None:
    handler = Handler(sleep)
    app = serving(handler)
    app.hasten()  # There is nothing yet.
    transport = FakeTransport()
    await open_one(app, transport)
    draining = asyncio.create_task(app.drain(LONG))
    await settle()
    assert handler.seen == []
    app.hasten()
    await settle()
    assert handler.seen == ["cancelled", "finally"]
    transport.peer_closes(1001)
    await soon(draining)


async def test_cancelling_the_call_leaves_the_end_under_way() -> None:
    app = serving(Handler(receive))
    async with connect(app, "/") as peer:
        draining = asyncio.create_task(app.drain())
        await asyncio.sleep(0)
        draining.cancel()
        assert (await peer.receive_close()).code == 1001


@pytest.mark.parametrize("timeout", [0, -1, "1", float("inf"), float("nan"), None])
async def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    with pytest.raises(ValueError, match="drain_timeout must be a positive number of seconds"):
        App(drain_timeout=timeout)
    if timeout is not None:
        with pytest.raises(ValueError, match="timeout must be a positive number of seconds"):
            await App().drain(timeout)


@pytest.mark.parametrize("delay", [-1, 5, 10, float("nan")])
def test_a_delay_leaves_half_of_the_time(delay: float) -> None:
    with pytest.raises(ValueError, match="drain_delay must be less than half of drain_timeout=10"):
        App(drain_timeout=10, drain_delay=delay)


async def test_connections_of_another_loop_are_left_to_it() -> None:
    """As where Starlette's TestClient is not entered: each of its sessions has a loop of its own."""
    app = serving(Handler(receive))
    connected, go_on = threading.Event(), threading.Event()

    async def peer_in_thread() -> None:
        async with connect(app, "/"):
            connected.set()
            await asyncio.to_thread(go_on.wait)

    elsewhere = asyncio.create_task(asyncio.to_thread(asyncio.run, peer_in_thread()))
    await asyncio.to_thread(connected.wait)
    with ends_within(SLACK):
        await app.drain(LONG)
    go_on.set()
    await soon(elsewhere)


# -- the lifespan --


async def test_the_lifespan_is_left_when_the_handlers_have_ended() -> None:
    handler = Handler(receive)

    @contextlib.asynccontextmanager
    async def around(app: App) -> AsyncIterator[None]:
        yield
        handler.seen.append("lifespan")

    app = serving(handler, lifespan=around)
    async with contextlib.AsyncExitStack() as stack:
        async with lifespan(app):
            peer = await stack.enter_async_context(connect(app, "/"))
            told = asyncio.create_task(peer.receive_close())
        assert handler.seen == ["finally", "lifespan"]
        assert (await told).code == 1001


async def test_no_delay_where_the_server_takes_no_more_connections() -> None:
    with ends_within(SLACK):
        async with lifespan(App(drain_timeout=LONG, drain_delay=LONG / 3)):
            pass


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_lifespan_that_does_not_end_is_cancelled(
    stubborn: bool, caplog: pytest.LogCaptureFixture
) -> None:
    release = asyncio.Event()

    @contextlib.asynccontextmanager
    async def hangs(app: App) -> AsyncIterator[None]:
        yield
        try:
            await asyncio.Event().wait()
        finally:
            if stubborn:
                await release.wait()

    with ends_within(2 * SHORT + SLACK):
        async with lifespan(App(lifespan=hangs, drain_timeout=SHORT)):
            pass
    assert "the lifespan has not ended within drain_timeout: cancelled" in caplog.text
    release.set()
