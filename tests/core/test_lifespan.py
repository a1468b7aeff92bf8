"""What an app sets up before it serves and takes down after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from anysocket import App, WebSocket
from anysocket.testing import connect, lifespan
from core.fake_transport import settle, soon


class Trace:
    """A lifespan that notes what happens to it."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.state = state
        self.happened: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.enter_error: Exception | None = None
        self.exit_error: Exception | None = None

    @asynccontextmanager
    async def __call__(self, app: App) -> AsyncIterator[Mapping[str, Any] | None]:
        self.happened.append("enter")
        await self.go_on.wait()
        if self.enter_error is not None:
            raise self.enter_error
        yield self.state
        self.happened.append("exit")
        if self.exit_error is not None:
            raise self.exit_error


async def test_it_surrounds_the_time_the_app_serves() -> None:
    trace = Trace()
    app = App(lifespan=trace)
    async with lifespan(app) as entered:
        assert entered is app
        assert trace.happened == ["enter"]
    assert trace.happened == ["enter", "exit"]


async def test_what_it_yields_is_the_state_of_every_connection() -> None:
    app = App(lifespan=Trace({"greeting": "hello"}))

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.state.greeting)

    async with lifespan(app):
        for _ in range(2):
            async with connect(app, "/") as peer:
                assert await peer.receive_text() == "hello"
    assert app.lifespan.state == {}


async def test_it_is_given_the_app() -> None:
    given: list[App] = []

    @asynccontextmanager
    async def remember(app: App) -> AsyncIterator[None]:
        given.append(app)
        yield

    app = App(lifespan=remember)
    async with lifespan(app):
        assert given == [app]
        assert app.lifespan.state == {}


async def test_an_app_without_one_starts_and_stops() -> None:
    app = App()
    async with lifespan(app):
        await app.lifespan.ensure_started()
    await app.lifespan.stop()


async def test_an_error_on_entering_comes_out_of_the_start() -> None:
    trace = Trace()
    trace.enter_error = OSError("no database")
    with pytest.raises(OSError, match="no database"):
        async with lifespan(App(lifespan=trace)):
            pytest.fail("it started")
    assert trace.happened == ["enter"]


async def test_an_error_on_leaving_comes_out_of_the_stop() -> None:
    trace = Trace()
    trace.exit_error = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        async with lifespan(App(lifespan=trace)):
            pass


async def test_an_error_of_the_test_is_not_masked_and_leaves_it() -> None:
    trace = Trace()
    with pytest.raises(ValueError, match="of the test"):
        async with lifespan(App(lifespan=trace)):
            raise ValueError("of the test")
    assert trace.happened == ["enter", "exit"]


async def test_servers_without_a_lifespan_start_it_once_and_together() -> None:
    """Whoever comes while it starts waits, and one that gives up stops it for nobody."""
    trace = Trace()
    trace.go_on.clear()
    app = App(lifespan=trace)
    first, *others = [asyncio.create_task(app.lifespan.ensure_started()) for _ in range(4)]
    await settle()
    first.cancel()
    await settle()
    assert not any(task.done() for task in others)
    trace.go_on.set()
    await soon(asyncio.gather(*others))
    await app.lifespan.ensure_started()
    assert trace.happened == ["enter"]
    await app.lifespan.stop()
    assert trace.happened == ["enter", "exit"]


async def test_a_failed_start_fails_for_everybody_who_waits() -> None:
    trace = Trace()
    trace.enter_error = OSError("no database")
    app = App(lifespan=trace)
    results = await asyncio.gather(*(app.lifespan.ensure_started() for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no database"] * 3
    assert trace.happened == ["enter"]


async def test_a_task_group_may_be_opened_in_it() -> None:
    """Start and stop come from different tasks, and a task group must be left by the task that entered it."""
    ticks: list[int] = []

    @asynccontextmanager
    async def with_background(app: App) -> AsyncIterator[None]:
        async def tick() -> None:
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            background = group.create_task(tick())
            yield
            background.cancel()

    app = App(lifespan=with_background)
    await asyncio.create_task(app.lifespan.start())
    await settle()
    await asyncio.create_task(app.lifespan.stop())
    count = len(ticks)
    assert count > 0
    await settle()
    assert len(ticks) == count


async def test_a_timeout_may_be_opened_in_it() -> None:
    @asynccontextmanager
    async def bounded(app: App) -> AsyncIterator[None]:
        async with asyncio.timeout(60):
            yield

    app = App(lifespan=bounded)
    await asyncio.create_task(app.lifespan.start())
    await asyncio.create_task(app.lifespan.stop())


async def test_it_can_run_again() -> None:
    """As in tests, one after another with one app."""
    trace = Trace({"a": 1})
    app = App(lifespan=trace)
    for _ in range(2):
        async with lifespan(app):
            assert app.lifespan.state == {"a": 1}
    assert trace.happened == ["enter", "exit"] * 2


def test_any_context_manager_of_the_app_will_do() -> None:
    def manager(app: App) -> AbstractAsyncContextManager[None]:
        raise NotImplementedError

    assert App(lifespan=manager).lifespan.state == {}
