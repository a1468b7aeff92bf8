"""When a manager begins on its backplane, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from anysocket import App, BackplaneStatistics, WebSocketManager, _link, _node
from anysocket.testing import MemoryHub, connect, lifespan
from core.members import add
from core.nodes import until


async def test_a_manager_has_no_backplane_unless_it_is_given_one() -> None:
    manager = WebSocketManager()
    await manager.backplane.start()
    await add(manager, "ann")
    assert manager.join_room("ann", "r") is manager.join_room("ann", "r")
    await manager.join_room("ann", "r")
    assert manager.backplane.up and manager.backplane.statistics.published == 0
    count = await manager.count("r")
    assert (count.value, count.answered, count.nodes) == (1, 1, 1)
    assert (await manager.rooms_everywhere()).value == {"r": 1}
    assert not await manager.send_to("nobody", "x") and not await manager.disconnect("nobody")
    await manager.backplane.stop()


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"backplane": "carrier-pigeon://"}, ValueError, "must be one of .*memory://.*redis://"),
        ({"backplane": "memory://x?prefix="}, ValueError, "prefix"),
        ({"backplane": "memory://x?prefix=a/b"}, ValueError, "prefix"),
        ({"backplane": 7}, TypeError, "a backplane is a URL"),
        ({"on_down": "panic"}, ValueError, "on_down"),
    ],
)
async def test_mistakes_are_told_when_it_is_made(
    options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        WebSocketManager(**options)


async def test_an_app_takes_its_managers_along() -> None:
    hub = MemoryHub()
    manager = WebSocketManager(backplane=hub.connect())
    seen: list[bool] = []

    @asynccontextmanager
    async def during(app: App) -> AsyncIterator[None]:
        seen.append(manager.backplane.statistics.published > 0)
        yield
        seen.append(manager.backplane.statistics.published > 0)

    app = App(lifespan=during)
    nothing = manager.backplane.statistics
    assert nothing == BackplaneStatistics(True, 1, 0, 0, 0, 0, 0, 0)
    async with lifespan(app):
        assert hub._members
    assert seen == [True, True] and not hub._members
    assert manager.backplane.statistics == nothing


async def test_an_app_starts_without_its_backplane_but_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_node, "BACKOFF", 0.01)
    hub, app = MemoryHub(), App()
    manager = WebSocketManager(backplane=hub.connect())
    hub.fail()
    async with lifespan(app):
        assert not app.ready
        hub.restore()
        await until(lambda: app.ready)
        hub.fail()
        await until(lambda: not app.ready)
    assert app.ready and manager.backplane.up


async def test_a_backplane_that_does_not_stop_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    manager = WebSocketManager(backplane=MemoryHub().connect())
    await manager.backplane.start()

    async def fail(self: _node.Node) -> None:
        await stop(self)
        raise OSError("no")

    stop = _node.Node.stop
    monkeypatch.setattr(_node.Node, "stop", fail)
    await _link.stop_links()
    assert "did not stop in order" in caplog.text


def test_one_event_loop_after_the_other() -> None:
    hub = MemoryHub()
    here, there = (WebSocketManager(backplane=hub.connect()) for _ in range(2))
    app = App()

    @app.websocket("/<id>")
    async def enter(websocket: Any, id: str) -> None:
        await websocket.accept()
        here.add_connection(id, websocket)
        await here.join_room(id, "r")
        await websocket.send_text("joined")
        await websocket.wait_closed()

    async def one_round() -> None:
        async with connect(app, "/ann") as ann:
            assert await ann.receive_text() == "joined"
            await there.broadcast_to_room("r", "x")
            assert await ann.receive_text() == "x"

    for _ in range(2):
        asyncio.run(one_round())


async def test_two_event_loops_at_a_time_are_a_mistake() -> None:
    manager = WebSocketManager(backplane=MemoryHub().connect())
    await manager.backplane.start()
    with pytest.raises(RuntimeError, match="one event loop"):
        await asyncio.to_thread(asyncio.run, manager.broadcast_to_all("x"))
    await asyncio.to_thread(asyncio.run, _link.start_links())
    await manager.backplane.stop()


async def test_rooms_that_are_there_are_followed_when_it_begins_anew() -> None:
    hub = MemoryHub()
    a, b = (WebSocketManager(backplane=hub.connect()) for _ in range(2))
    bob = await add(b, "bob", "r")
    await b.backplane.stop()
    await b.backplane.start()
    await b.join_room("bob", "r")
    await a.broadcast_to_room("r", "x")
    await until(lambda: bob.sent == ["x"])
    await asyncio.gather(a.backplane.stop(), b.backplane.stop())


async def test_a_manager_that_nobody_needs_is_no_longer_there() -> None:
    before = set(_link._links)  # Those of other tests may be collected at any time, unless they are held.
    WebSocketManager(backplane=MemoryHub().connect())
    assert set(_link._links) == before, "without the garbage collector"
