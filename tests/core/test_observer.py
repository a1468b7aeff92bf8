"""What observers are told, and that they change nothing."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from anysocket import App, ConnectionClosed, Denied, Observer, WebSocket, WebSocketManager
from anysocket.testing import Refused, connect
from core.fake_transport import FakeTransport, accepted, settle, soon

INSIDE: contextvars.ContextVar[str] = contextvars.ContextVar("INSIDE", default="nothing")


class Recorder(Observer):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    @contextlib.contextmanager
    def around_connection(self, websocket: WebSocket, route: str) -> Iterator[None]:
        self.events.append(("enter", route))
        token = INSIDE.set(route)
        try:
            yield
        finally:
            INSIDE.reset(token)
            self.events.append(("exit",))

    def on_accepted(self, websocket: WebSocket) -> None:
        self.events.append(("accepted", websocket.scope.path))

    def on_refused(self, websocket: WebSocket, status: int, limit: str) -> None:
        self.events.append(("refused", status, limit))

    def on_failed(self, websocket: WebSocket, error: BaseException) -> None:
        self.events.append(("failed", error))

    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        self.events.append(("ended", closed.code, closed.by))

    def on_manager(self, manager: WebSocketManager) -> None:
        self.events.append(("manager", manager))

    def on_broadcast(
        self, manager: WebSocketManager, rooms: tuple[str, ...], recipients: int, seconds: float
    ) -> None:
        assert 0 <= seconds < 5
        self.events.append(("broadcast", rooms, recipients))


class Broken(Observer):
    """Fails at everything."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith(("on_", "around_")):
            raise ValueError(name)
        return super().__getattribute__(name)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def app_of(recorder: Observer, *more: Observer, **options: Any) -> App:
    app = App(observers=[recorder, *more], **options)

    @app.websocket("/rooms/<room>")
    async def handler(websocket: WebSocket, room: str) -> None:
        if room == "private":
            raise Denied(401)
        await websocket.accept()
        await websocket.send_text(INSIDE.get())
        if room == "broken":
            raise ValueError(room)
        async for _ in websocket:
            pass

    return app


async def test_a_connection_from_its_handshake_to_its_end(recorder: Recorder) -> None:
    app = app_of(recorder)
    async with connect(app, "/rooms/a") as peer:
        assert await peer.receive_text() == "/rooms/<room>"  # The handler runs inside.
        assert recorder.events == [("enter", "/rooms/<room>"), ("accepted", "/rooms/a")]
    assert recorder.events[2:] == [("ended", 1000, "peer"), ("exit",)]
    assert INSIDE.get() == "nothing"


async def test_a_handler_that_fails(recorder: Recorder) -> None:
    async with connect(app_of(recorder), "/rooms/broken") as peer:
        await peer.receive_text()
        await peer.receive_close()
    _, _, failed, *rest = recorder.events
    assert failed[0] == "failed" and str(failed[1]) == "broken"
    assert rest == [("ended", 1011, "us"), ("exit",)]


@pytest.mark.parametrize(
    ("path", "headers", "refused"),
    [
        ("/rooms/private", [], ("refused", 401, "")),
        ("/rooms/a", [("origin", "https://elsewhere.example")], ("refused", 403, "origin")),
        ("/nowhere", [], ("refused", 404, "route")),
    ],
)
async def test_a_refusal_and_what_stood_against_it(
    recorder: Recorder, path: str, headers: list[tuple[str, str]], refused: tuple[Any, ...]
) -> None:
    app = app_of(recorder, unmatched="deny")
    with pytest.raises(Refused):
        async with connect(app, path, headers=headers):
            pass
    assert recorder.events[1:] == [refused, ("exit",)]


async def test_refusals_of_an_app_that_drains(recorder: Recorder) -> None:
    app = app_of(recorder)

    @app.websocket("/slow")
    async def slow(websocket: WebSocket) -> None:
        await websocket.wait_closed()

    waiting = FakeTransport("/slow")
    serving = asyncio.create_task(app.serve(waiting))
    await settle()
    await soon(app.drain(1))
    await soon(serving)
    assert recorder.events == [("enter", "/slow"), ("refused", 503, "draining"), ("exit",)]
    late = FakeTransport("/rooms/a")
    await soon(app.serve(late))
    assert ("refused", 503, "draining") in recorder.events[3:]


async def test_a_peer_that_leaves_during_the_handshake_was_neither_accepted_nor_refused(
    recorder: Recorder,
) -> None:
    transport = FakeTransport("/rooms/a")
    transport.accept_fails_with = ConnectionClosed(1006, "", "lost")
    await soon(app_of(recorder).serve(transport))
    assert recorder.events == [("enter", "/rooms/<room>"), ("exit",)]


async def test_broadcasts_of_a_manager(recorder: Recorder) -> None:
    manager = WebSocketManager(observers=[recorder])
    for name in ("ann", "bob"):
        manager.add_connection(name, await accepted(FakeTransport()))
    manager.join_room("ann", "a")
    await manager.broadcast_to_all("hello")
    await manager.broadcast_to_room("a", "hello")
    await manager.broadcast_to_room("empty", b"hello")
    await manager.send_to("ann", "no broadcast")
    assert recorder.events == [
        ("manager", manager),
        ("broadcast", (), 2),
        ("broadcast", ("a",), 1),
        ("broadcast", ("empty",), 0),
    ]


async def test_observers_that_fail_are_logged_and_change_nothing(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken()
    async with connect(app_of(broken, recorder), "/rooms/a") as peer:
        assert await peer.receive_text() == "/rooms/<room>"
    names = [event[0] for event in recorder.events]
    assert names == ["enter", "accepted", "ended", "exit"]
    assert len(caplog.records) == 3  # Its context manager has failed at its beginning: it has no end.
    assert all(
        record.levelno == logging.ERROR and repr(broken) in record.message for record in caplog.records
    )
    manager = WebSocketManager(observers=[broken])
    manager.add_connection("me", await accepted(FakeTransport()))
    assert await manager.broadcast_to_all("hello") == 1


@pytest.mark.parametrize("error", [ValueError("mine"), None])
async def test_a_context_manager_neither_swallows_an_error_nor_adds_one(
    error: Exception | None, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Swallowing(Observer):
        @contextlib.contextmanager
        def around_connection(self, websocket: WebSocket, route: str) -> Iterator[None]:
            try:
                yield
            except asyncio.CancelledError:
                if error is not None:
                    raise error from None

    serving = asyncio.create_task(app_of(Swallowing()).serve(FakeTransport("/rooms/a")))
    await settle()
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(serving)
    assert len(caplog.records) == (error is not None)


@pytest.mark.parametrize("observer", [Recorder, "metrics", None])
@pytest.mark.parametrize("observed", [App, WebSocketManager])
def test_what_is_no_observer_is_told_by_name(observed: Any, observer: Any) -> None:
    with pytest.raises(TypeError, match=r"instances of anysocket\.Observer, not"):
        observed(observers=[observer])


async def test_one_that_overrides_nothing_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with connect(app_of(Observer()), "/rooms/a") as peer:
        await peer.receive_text()
    assert not caplog.records
