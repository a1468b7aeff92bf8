"""An ASGI app's lifespan in a worker: start-up, shutdown, state, and every way to fail."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from http_double import Protocol, rsgi_scope
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from anysocket_rsgi import _asgi_lifespan, from_asgi
from anysocket_rsgi._asgi_lifespan import LifespanError
from anysocket_rsgi.testing import connect, worker

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE")
STARTED = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


def scripted(*messages: Any) -> tuple[Any, list[Any]]:
    """An app that receives, then sends the message: in turns. An exception is raised in place of one."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        for message in messages:
            seen.append(await receive())
            if isinstance(message, Exception):
                raise message
            await send(message)

    return from_asgi(app), seen


def test_start_and_stop() -> None:
    app, seen = scripted(STARTED, STOPPED)
    with worker(app):
        assert seen[1:] == [{"type": "lifespan.startup"}]
    assert seen[1:] == [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert seen[0] == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}


def test_one_task_from_start_to_end() -> None:
    """Cancel scopes and contexts that are entered at the start can be left at the end."""
    tasks: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        token = VARIABLE.set("set at the start")
        async with anyio.create_task_group() as group, asyncio.TaskGroup() as other:
            group.start_soon(anyio.sleep, 0)
            other.create_task(asyncio.sleep(0))
            tasks.append(asyncio.current_task())
            yield
            tasks.append(asyncio.current_task())
        VARIABLE.reset(token)
        tasks.append("left")

    with worker(from_asgi(Starlette(lifespan=lifespan))):
        pass
    assert tasks[0] is tasks[1] and tasks[2] == "left"


def test_state_is_copied_to_each_request() -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
        yield {"pool": ["shared"], "number": 1}

    async def page(request: Request) -> JSONResponse:
        request.state.number += 1
        request.state.pool.append("seen")
        return JSONResponse([request.state.number, request.state.pool])

    async def socket(websocket: WebSocket) -> None:
        websocket.state.number += 1
        await websocket.accept()
        await websocket.send_json([websocket.state.number, websocket.state.pool])
        await websocket.close()

    app = from_asgi(Starlette(routes=[Route("/", page), WebSocketRoute("/", socket)], lifespan=lifespan))

    async def talk() -> None:
        for number in (1, 2):
            protocol = Protocol()
            await app.__rsgi__(rsgi_scope(), protocol)
            pool = ["shared", *["seen"] * number]
            assert protocol.responses[0][2] == JSONResponse([2, pool]).body
        async with connect(app, "/") as peer:
            assert await peer.receive_text() == '[2,["shared","seen","seen"]]'

    with worker(app) as loop:
        loop.run_until_complete(talk())


# -- start-up --


def test_a_start_that_failed_ends_the_worker_with_the_message(caplog: pytest.LogCaptureFixture) -> None:
    app, seen = scripted({"type": "lifespan.startup.failed", "message": "no database"})
    with pytest.raises(SystemExit, match="failed to start: no database"):
        worker(app).__enter__()
    assert "no database" in caplog.text
    assert len(seen) == 2


def test_what_a_failed_start_raised_is_the_cause() -> None:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        raise ConnectionRefusedError("no database")
        yield

    with pytest.raises(SystemExit, match="no database") as end:
        worker(from_asgi(Starlette(lifespan=lifespan))).__enter__()
    assert isinstance(end.value.__cause__, ConnectionRefusedError)


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"


async def raises_later(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise KeyError("no such message")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    return


async def misunderstands(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 404})


@pytest.mark.parametrize(
    ("app", "level"),
    [
        (raises_at_once, logging.DEBUG),
        (returns, logging.DEBUG),
        (raises_later, logging.WARNING),
        (misunderstands, logging.WARNING),
    ],
)
def test_apps_without_lifespan_are_served(
    app: Callable[..., Any], level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is raised once the app was told to start is more likely a mistake than no support."""
    caplog.set_level(logging.DEBUG, "anysocket")
    with worker(from_asgi(app)) as loop:
        assert not asyncio.all_tasks(loop)
    assert [record.levelno for record in caplog.records if record.name == "anysocket"] == [level]


@pytest.mark.parametrize(
    "again", [STARTED, {"type": "lifespan.startup.failed"}, {"type": "lifespan.nonsense"}]
)
def test_a_second_answer_is_an_error_of_the_app(again: Any, caplog: pytest.LogCaptureFixture) -> None:
    errors: list[Exception] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STARTED)
        try:
            await send(again)
        except RuntimeError as error:
            errors.append(error)
        await receive()
        await receive()
        await send(STOPPED)

    with worker(from_asgi(app)):
        pass
    assert "does not fit the lifespan's state" in str(errors[0])
    assert not caplog.records


def test_rust_tasks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from anysocket_rsgi import _worker

    monkeypatch.setattr(_worker, "local_of_caller", lambda package, name: "rust")
    app, seen = scripted(STARTED)
    with pytest.raises(SystemExit, match="--task-impl asyncio"):
        worker(app).__enter__()
    assert seen == []


# -- while serving --


def test_an_end_while_serving_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STARTED)
        await asyncio.sleep(0)
        raise ZeroDivisionError("secret")

    with worker(from_asgi(app)) as loop:
        loop.run_until_complete(asyncio.sleep(0.01))
        assert "ended while it is being served" in caplog.text and "secret" in caplog.text


def test_a_return_while_serving_is_fine(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STARTED)

    with worker(from_asgi(app)) as loop:
        loop.run_until_complete(asyncio.sleep(0.01))
    assert not caplog.records


# -- shutdown --


def test_a_shutdown_that_failed_says_so() -> None:
    app, _ = scripted(STARTED, {"type": "lifespan.shutdown.failed", "message": "not flushed"})
    with pytest.raises(LifespanError, match="not flushed"), worker(app):
        pass


def test_what_a_shutdown_raised_comes_out() -> None:
    app, _ = scripted(STARTED, ZeroDivisionError("secret"))
    with pytest.raises(ZeroDivisionError, match="secret"), worker(app):
        pass


def test_a_return_at_the_shutdown_is_fine() -> None:
    app, _ = scripted(STARTED)
    with worker(app):
        pass


def test_an_app_that_goes_on_after_its_shutdown_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asgi_lifespan, "GRACE", 0.01)
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(STARTED)
        await receive()
        await send(STOPPED)
        try:
            await receive()
        finally:
            ended.append("cancelled")

    with worker(from_asgi(app)) as loop:
        pass
    assert ended == ["cancelled"]
    assert loop.is_closed()


def test_a_worker_that_never_started_stops() -> None:
    app, seen = scripted(STARTED, STOPPED)
    loop = asyncio.new_event_loop()
    app.__rsgi_del__(loop)
    loop.close()
    assert seen == []
