"""What the handler's outcome means for the peer and the log (contract 3.2, 3.3, 5.5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anysocket import App, ConnectionClosed, Denied, WebSocket, WebSocketManager
from core.fake_transport import FakeTransport, settle, soon

Handler = Callable[[WebSocket], Awaitable[None]]


async def run(handler: Handler, **options: Any) -> FakeTransport:
    """One connection to the handler, to its end."""
    app = App()
    app.websocket("/live/<room>")(lambda websocket, room: handler(websocket))
    transport = FakeTransport("/live/kitchen", **options)
    await soon(app.serve(transport))
    return transport


def errors(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= level]


async def test_returning_after_accept_closes_with_1000(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    transport = await run(handler)
    assert transport.close_frame == (1000, "")
    assert not errors(caplog)


async def test_returning_before_accept_refuses_with_403_and_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Contract 3.3: the warning names the route."""

    async def forgetful(websocket: WebSocket) -> None:
        pass

    transport = await run(forgetful)
    assert transport.answer == ("deny", 403, [], b"")
    (record,) = errors(caplog)
    assert record.levelno == logging.WARNING
    assert "/live/kitchen" in record.message and "before accept()" in record.message


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(3), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("accepts", [True, False])
async def test_a_handler_that_fails_is_logged_with_route_and_peer(
    error: BaseException, accepts: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract 5.5 and 3.3: 1011 or 500. Contract 3.5: ``sys.exit()`` in a handler does not end the server.
    A ``CancelledError`` that no cancellation of ours caused is a failure as well."""

    async def failing(websocket: WebSocket) -> None:
        if accepts:
            await websocket.accept()
        raise error

    transport = await run(failing)
    if accepts:
        assert transport.close_frame == (1011, "")
    else:
        assert transport.answer == ("deny", 500, [], b"")
    (record,) = errors(caplog)
    assert record.levelno == logging.ERROR
    assert "/live/kitchen" in record.message and "192.0.2.7" in record.message
    assert record.exc_info is not None and record.exc_info[1] is error


async def test_the_log_names_the_handler(caplog: pytest.LogCaptureFixture) -> None:
    app = App()

    @app.websocket("/")
    async def some_handler(websocket: WebSocket) -> None:
        raise ValueError

    class Handler:
        async def __call__(self, websocket: WebSocket) -> None:
            raise ValueError

        def __repr__(self) -> str:
            return "<some object>"

    app.websocket("/object")(Handler())
    await app.serve(FakeTransport("/"))
    await app.serve(FakeTransport("/object"))
    first, second = caplog.messages
    assert "some_handler" in first
    assert "<some object>" in second


async def test_a_handler_that_fails_after_the_end_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)
        raise ValueError("too late")

    transport = await run(handler)
    assert transport.close_frame == (4000, "")
    assert len(errors(caplog)) == 1


async def test_a_peer_that_left_is_a_normal_end(caplog: pytest.LogCaptureFixture) -> None:
    """Contract 5.5: debug log only."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        transport.peer_is_lost()
        while True:
            await websocket.receive()

    app = App()
    app.websocket("/")(handler)
    transport = FakeTransport()
    with caplog.at_level(logging.DEBUG, "anysocket"):
        await soon(app.serve(transport))
    assert transport.close_frame is None
    assert not errors(caplog)
    assert any("1006" in message for message in caplog.messages)


async def test_somebody_elses_end_closes_this_connection_normally(caplog: pytest.LogCaptureFixture) -> None:
    """A ``ConnectionClosed`` of another connection that the handler wrote to."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ConnectionClosed(4001, "of another")

    transport = await run(handler)
    assert transport.close_frame == (1000, "")
    assert not errors(caplog)


async def test_an_end_before_accept_refuses(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        raise ConnectionClosed(1006, "", "lost")

    assert (await run(handler)).answer == ("deny", 403, [], b"")


# -- Denied --


@pytest.mark.parametrize(
    ("denied", "answer"),
    [
        (Denied(), ("deny", 403, [], b"")),
        (
            Denied(401, {"WWW-Authenticate": "Bearer"}, "nö"),
            ("deny", 401, [(b"www-authenticate", b"Bearer")], b"n\xc3\xb6"),
        ),
        (
            Denied(429, [("a", "1"), ("a", "2")], b"\x00"),
            ("deny", 429, [(b"a", b"1"), (b"a", b"2")], b"\x00"),
        ),
    ],
)
async def test_denied_refuses_from_any_depth(
    denied: Denied, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract 3.2."""

    async def authenticate() -> None:
        raise denied

    async def handler(websocket: WebSocket) -> None:
        await authenticate()

    assert (await run(handler)).answer == answer
    assert not errors(caplog)


@pytest.mark.parametrize(
    "denied",
    [Denied(200), Denied(1008), Denied(403, {"x": "a\nb"}), Denied(403, {"x": 5}), Denied(403, (), None)],  # type: ignore[arg-type]
)
async def test_a_denied_that_no_response_can_say_is_a_500(
    denied: Denied, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract 3.5: raw, some of these statuses end a server's process."""

    async def handler(websocket: WebSocket) -> None:
        raise denied

    assert (await run(handler)).answer == ("deny", 500, [], b"")
    (record,) = errors(caplog)
    assert record.exc_info is not None


async def test_denied_after_accept_closes_with_1008(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise Denied(401)

    assert (await run(handler)).close_frame == (1008, "")
    (record,) = errors(caplog)
    assert "after accept()" in record.message


async def test_denied_after_the_end_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000)
        raise Denied(401)

    assert (await run(handler)).close_frame == (4000, "")
    assert not errors(caplog)


# -- stopped from outside --


@pytest.mark.parametrize("accepts", [True, False])
async def test_a_handler_that_the_server_cancels_leaves_a_lost_connection(accepts: bool) -> None:
    """Its ``finally`` runs, the cancellation goes on to the server, and no room keeps the connection."""
    manager = WebSocketManager()
    unwound = []

    async def handler(websocket: WebSocket) -> None:
        manager.add_connection("me", websocket)
        if accepts:
            await websocket.accept()
            manager.join_room("me", "room")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            unwound.append(websocket)

    app = App()
    app.websocket("/")(handler)
    serving = asyncio.create_task(app.serve(FakeTransport()))
    await settle()
    assert list(manager.connections) == ["me"]
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert unwound[0].closed
    await soon(unwound[0].wait_closed())
    assert not manager.connections and not manager.rooms
    with pytest.raises(ConnectionClosed):
        await unwound[0].send_text("anybody?")


async def test_a_keyboard_interrupt_is_not_ours_to_swallow() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise KeyboardInterrupt

    app = App()
    app.websocket("/")(handler)
    with pytest.raises(KeyboardInterrupt):
        await app.serve(FakeTransport())


# -- letting go of the connection --


async def test_the_peers_answer_is_awaited_where_the_server_needs_it() -> None:
    """RFC 6455 section 7.1.1: dropped with the answer unread, TCP would be reset."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    app = App()
    app.websocket("/")(handler)
    transport = FakeTransport(linger=5.0)
    serving = asyncio.create_task(app.serve(transport))
    await settle()
    assert transport.close_frame == (1000, "")
    assert not serving.done()
    transport.peer_closes(1000)
    await soon(serving)


async def test_a_peer_that_never_answers_is_not_awaited_for_long() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    await run(handler, linger=0.02)


async def test_a_background_task_sees_the_end_when_the_handler_returns() -> None:
    background: list[asyncio.Task[None]] = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        background.append(asyncio.create_task(websocket.wait_closed()))

    await run(handler)
    await soon(background[0])


async def test_a_close_under_way_is_finished_before_the_server_is_let_go() -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        transport.hold_sends()
        sender = asyncio.create_task(websocket.send_text("before"))
        await settle()
        closing = asyncio.create_task(websocket.close(4000))
        await settle()
        closing.cancel()
        asyncio.get_running_loop().call_later(0.01, transport.let_sends_go)
        assert not sender.done()

    app = App()
    app.websocket("/")(handler)
    transport = FakeTransport()
    await soon(app.serve(transport))
    assert (transport.sent, transport.close_frame) == (["before"], (4000, ""))
