"""An RSGI worker's life on ASGI servers: ``__rsgi_init__`` and ``__rsgi_del__``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripted import DAPHNE, UNKNOWN, run
from scripted import server as scripted_server
from starlette.testclient import TestClient

from anysocket_asgi import from_rsgi
from anysocket_servers import StartError, launch

APPS = Path(__file__).parent / "apps"
STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}}


class Told(list[str]):
    """An RSGI app that tells what it is asked."""

    def __init__(self, *, start: BaseException | None = None, stop: BaseException | None = None) -> None:
        super().__init__()
        self.start = start
        self.stop = stop

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.append("init")
        loop.run_until_complete(asyncio.sleep(0.01))
        if self.start is not None:
            raise self.start

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(asyncio.sleep(0))
        self.append("del")
        if self.stop is not None:
            raise self.stop

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        self.append("request")
        protocol.response_empty(204, [])


@pytest.mark.servers("uvicorn-sansio", "uvicorn-sansio-uvloop", "hypercorn", "daphne", "testclient")
async def test_what_a_worker_sets_up_serves(serve):
    """At rest; a result of run_until_complete; a task that goes on; a future of it; the same loop."""
    running = serve("raw_rsgi:app", APPS)
    response = await running.request("GET", "/life")
    assert response.json() == [True, 42, True, "answered", True]


@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_worker_is_torn_down(start_server):
    running = start_server("raw_rsgi:app", APPS)
    assert (await running.request("GET", "/life")).status == 200
    running.stop()
    assert "torn down at rest: True" in running.log()


@pytest.mark.servers("uvicorn-sansio", "hypercorn")
@pytest.mark.parametrize(
    ("app", "why"), [("raises", "LookupError: no database"), ("refuses", "not with this configuration")]
)
def test_failed_start_ends_the_server(server, app, why):
    with pytest.raises(StartError, match=why):
        launch(server, f"refusing_rsgi:{app}", APPS)


@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_failed_stop_is_logged(start_server):
    running = start_server("refusing_rsgi:fails_to_stop", APPS)
    assert (await running.request("GET", "/")).text == "served"
    running.stop()
    assert "LookupError: cannot leave" in running.log()


# -- message by message --


async def test_start_and_stop():
    told = Told()
    script = await run(from_rsgi(told), LIFESPAN, scripted_server(UNKNOWN, STARTUP, SHUTDOWN))
    assert script.sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert told == ["init", "del"]


async def test_app_without_a_life():
    async def app(scope: Any, protocol: Any) -> None: ...

    script = await run(from_rsgi(app), LIFESPAN, scripted_server(UNKNOWN, STARTUP, SHUTDOWN))
    assert script.types() == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_failed_start_is_told_and_let_out():
    script = scripted_server(UNKNOWN, STARTUP)
    with pytest.raises(LookupError, match="no database"):
        await run(from_rsgi(Told(start=LookupError("no database"))), LIFESPAN, script)
    assert script.types() == ["lifespan.startup.failed"]
    assert (
        "Traceback" in script.sent[0]["message"] and "LookupError: no database" in script.sent[0]["message"]
    )


async def test_failed_stop_is_told_and_let_out():
    script = scripted_server(UNKNOWN, STARTUP, SHUTDOWN)
    with pytest.raises(LookupError, match="cannot leave"):
        await run(from_rsgi(Told(stop=LookupError("cannot leave"))), LIFESPAN, script)
    assert script.types() == ["lifespan.startup.complete", "lifespan.shutdown.failed"]


@pytest.mark.parametrize("cause", [None, LookupError("no database")])
async def test_refusal_to_start_is_no_exit_of_the_servers_loop(cause):
    refusal = SystemExit("not here")
    refusal.__cause__ = cause
    script = scripted_server(UNKNOWN, STARTUP)
    with pytest.raises(LookupError if cause else RuntimeError, match="no database" if cause else "not here"):
        await run(from_rsgi(Told(start=refusal)), LIFESPAN, script)
    assert script.sent == [{"type": "lifespan.startup.failed", "message": "not here"}]


HTTP = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "query_string": b"",
    "headers": [],
    "http_version": "1.1",
    "scheme": "http",
}


async def test_first_connections_start_the_app_where_the_server_does_not():
    """All at once; it is started once."""
    told = Told()
    app = from_rsgi(told)
    requests = [scripted_server(DAPHNE, {"type": "http.request", "body": b""}) for _ in range(3)]
    async with asyncio.timeout(5):
        await asyncio.gather(*(run(app, HTTP, request) for request in requests))
    assert told == ["init", "request", "request", "request"]


async def test_failed_start_fails_every_connection():
    app = from_rsgi(Told(start=LookupError("no database")))
    for _ in range(2):
        with pytest.raises(LookupError, match="no database"):
            await run(app, HTTP, scripted_server(DAPHNE))


# -- TestClient --


def test_testclient_that_is_entered_runs_it_each_time():
    told = Told()
    client = TestClient(from_rsgi(told))
    for _ in range(2):
        with client:
            client.get("/")
    assert told == ["init", "request", "del"] * 2


def test_testclient_that_is_not_entered_runs_none():
    told = Told()
    assert TestClient(from_rsgi(told)).get("/").status_code == 204
    assert told == ["request"]


@pytest.mark.parametrize("phase", ["start", "stop"])
def test_exceptions_come_out_of_testclient(phase):
    with (
        pytest.raises(LookupError, match="why"),
        TestClient(from_rsgi(Told(**{phase: LookupError("why")}))),
    ):
        pass
