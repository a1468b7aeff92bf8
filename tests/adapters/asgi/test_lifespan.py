"""Start-up and shutdown over ASGI, and on a server that knows no lifespan."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from scripted import (
    ABSENT,
    CONNECT,
    DAPHNE,
    GRANIAN,
    TESTCLIENT,
    UNKNOWN,
    disconnect,
    run,
    server,
    websocket_scope,
)

from anysocket import App, Capability

STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}


class Told(list[str]):
    """A lifespan that tells what it does."""

    def __init__(self, fails: str = "") -> None:
        super().__init__()
        self.fails = fails

    @contextlib.asynccontextmanager
    async def lifespan(self, app):
        self.say("start")
        yield {"db": "pool"}
        self.say("stop")

    def say(self, what: str) -> None:
        if what == self.fails:
            raise LookupError(f"{what} failed")
        self.append(what)


def lifespan_scope(**more):
    return {"type": "lifespan", "asgi": {"version": "3.0"}, **more}


async def test_start_and_stop():
    told, scope = Told(), lifespan_scope(state={"theirs": 1})
    script = await run(App(lifespan=told.lifespan), scope, server(UNKNOWN, STARTUP, SHUTDOWN))
    assert script.sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert told == ["start", "stop"]
    assert scope["state"] == {"theirs": 1, "db": "pool"}


async def test_app_without_a_lifespan_on_a_server_without_state():
    script = await run(App(), lifespan_scope(), server(UNKNOWN, STARTUP, SHUTDOWN))
    assert script.types() == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize(
    ("fails", "types"),
    [
        ("start", ["lifespan.startup.failed"]),
        ("stop", ["lifespan.startup.complete", "lifespan.shutdown.failed"]),
    ],
)
async def test_failure_is_told_with_its_traceback(fails, types):
    script = await run(
        App(lifespan=Told(fails).lifespan), lifespan_scope(), server(UNKNOWN, STARTUP, SHUTDOWN)
    )
    assert script.types() == types
    assert f"LookupError: {fails} failed" in script.sent[-1]["message"]
    assert "Traceback" in script.sent[-1]["message"]


async def test_known_server_without_what_the_app_requires_does_not_start():
    told = Told()
    app = App(lifespan=told.lifespan, requires=Capability.ACCEPT_HEADERS)
    script = await run(app, lifespan_scope(), server(GRANIAN, STARTUP))
    assert script.types() == ["lifespan.startup.failed"]
    message = script.sent[0]["message"]
    assert "Granian ASGI lacks" in message and "Capability.ACCEPT_HEADERS" in message
    assert told == []


async def test_unknown_server_is_judged_by_its_connections():
    app = App(requires=Capability.ACCEPT_HEADERS)
    script = await run(app, lifespan_scope(), server(UNKNOWN, STARTUP, SHUTDOWN))
    assert script.types()[0] == "lifespan.startup.complete"


def state_app(told: Told) -> App:
    app = App(lifespan=told.lifespan)

    @app.websocket("/")
    async def handler(websocket):
        told.append(websocket.state.db)

    @app.get("/")
    async def get(request):
        return {"db": request.state.db}

    return app


async def test_first_connections_start_the_app_where_the_server_does_not():
    """All at once, of any kind; it is started once."""
    told = Told()
    app = state_app(told)
    http = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
    }
    sockets = [server(DAPHNE, CONNECT) for _ in range(3)]
    request = server(DAPHNE, {"type": "http.request", "body": b""}, disconnect())
    scopes = [websocket_scope(state=ABSENT) for _ in sockets]
    async with asyncio.timeout(5):
        await asyncio.gather(
            run(app, http, request),
            *(run(app, scope, script) for scope, script in zip(scopes, sockets, strict=True)),
        )
    assert sorted(told) == ["pool", "pool", "pool", "start"]
    assert request.sent[-1]["body"] == b'{"db":"pool"}'
    await app.lifespan.stop()
    assert told[-1] == "stop"


async def test_failed_start_fails_every_connection():
    app = state_app(Told("start"))
    for _ in range(2):
        with pytest.raises(LookupError, match="start failed"):
            await run(app, websocket_scope(state=ABSENT), server(DAPHNE, CONNECT))


async def test_testclient_without_its_lifespan_still_serves():
    """``TestClient(app)`` that is never entered runs no lifespan: the app has no state, and works."""
    app = App()

    @app.websocket("/")
    async def handler(websocket):
        await websocket.accept()

    script = await run(app, websocket_scope(asgi=ABSENT), server(TESTCLIENT, CONNECT, disconnect()))
    assert script.types()[0] == "websocket.accept"
