"""A handshake is answered in time, or refused."""

from __future__ import annotations

import asyncio
import contextlib
import math

import pytest

from anysocket import App, Capability, ConnectionClosed, Limits, WebSocket
from anysocket._limits import ACCEPT_TIMEOUT
from core.fake_transport import FakeTransport, settle, soon
from core.test_observer import Recorder

SHORT = Limits(accept_timeout=0.02)


async def test_a_handler_that_does_not_answer_is_cancelled_and_its_peer_gets_503(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder, unwound = Recorder(), list[str]()
    app = App(limits=SHORT, observers=[recorder])

    @app.websocket("/")
    async def hangs(websocket: WebSocket) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            unwound.append("finally")

    transport = FakeTransport()
    await soon(app.serve(transport))
    assert transport.answer == ("deny", 503, [], b"accept_timeout")
    assert unwound == ["finally"]
    assert ("refused", 503, "accept_timeout") in recorder.events
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "limit accept_timeout of 0.02 reached" in record.message
    assert not app._gate._inside.names


async def test_its_cancellation_is_none_to_the_server() -> None:
    app = App(limits=SHORT)

    @app.websocket("/")
    async def hangs(websocket: WebSocket) -> None:
        await asyncio.get_running_loop().create_future()

    async def server() -> tuple[str, int]:
        await app.serve(FakeTransport())
        task = asyncio.current_task()
        assert task is not None
        return "went on", task.cancelling()

    assert await soon(server()) == ("went on", 0)


async def test_the_servers_own_cancellation_comes_out() -> None:
    app = App(limits=SHORT)
    cleaning = asyncio.Event()

    @app.websocket("/")
    async def slow_to_unwind(websocket: WebSocket) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cleaning.set()
            await asyncio.get_running_loop().create_future()

    serving = asyncio.create_task(app.serve(FakeTransport()))
    await soon(cleaning.wait())
    serving.cancel()
    await soon(asyncio.wait([serving]))
    assert serving.cancelled()


async def test_a_handler_that_swallows_it_finds_the_end(caplog: pytest.LogCaptureFixture) -> None:
    app, ends = App(limits=SHORT), list[ConnectionClosed]()

    @app.websocket("/")
    async def stubborn(websocket: WebSocket) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        try:
            await websocket.accept()
        except ConnectionClosed as closed:
            ends.append(closed)
            raise

    transport = FakeTransport()
    await soon(app.serve(transport))
    assert transport.answer == ("deny", 503, [], b"accept_timeout")
    assert [(closed.reason, closed.by) for closed in ends] == [("accept_timeout", "us")]
    assert not any(record.exc_info for record in caplog.records)


async def test_where_a_refusal_has_no_body_its_status_is_told() -> None:
    app = App(limits=SHORT)

    @app.websocket("/")
    async def hangs(websocket: WebSocket) -> None:
        await asyncio.get_running_loop().create_future()

    transport = FakeTransport(capabilities=~Capability.DENIAL_BODY)
    await soon(app.serve(transport))
    assert transport.answer == ("deny", 503, [], b"")


async def test_who_has_answered_has_all_the_time(caplog: pytest.LogCaptureFixture) -> None:
    """Accepted, or with the answer on its way."""
    app = App(limits=SHORT)

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.sleep(0.05)
        await websocket.send_text("still here")

    for way in ("accepted", "on its way"):
        transport = FakeTransport()
        if way == "on its way":
            transport.accept_waits_for = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.05, transport.accept_waits_for.set_result, None)
        await soon(app.serve(transport))
        assert transport.sent == ["still here"]
    assert not caplog.records


async def test_a_route_may_take_longer_than_the_app() -> None:
    app = App(limits=SHORT)

    @app.websocket("/slow", limits=Limits(accept_timeout=math.inf))
    async def slow(websocket: WebSocket) -> None:
        await asyncio.sleep(0.05)
        await websocket.accept()

    transport = FakeTransport("/slow")
    await soon(app.serve(transport))
    assert transport.close_frame == (1000, "")


async def test_ten_seconds_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ACCEPT_TIMEOUT == 10
    monkeypatch.setattr("anysocket._admission.ACCEPT_TIMEOUT", 0.02)
    app = App(limits=Limits(connections=5))

    @app.websocket("/")
    async def hangs(websocket: WebSocket) -> None:
        await asyncio.get_running_loop().create_future()

    transport = FakeTransport()
    await soon(app.serve(transport))
    assert transport.answer == ("deny", 503, [], b"accept_timeout")


async def test_nothing_is_kept_of_a_connection_that_has_ended() -> None:
    app = App()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    loop = asyncio.get_running_loop()
    await soon(app.serve(FakeTransport()))
    await settle()
    timers = [timer for timer in getattr(loop, "_scheduled", ()) if not timer.cancelled()]
    assert not [timer for timer in timers if "Admission" in repr(timer)]
