"""The RSGI adapter's parts: addresses, headers, workers, Rust's tasks refused, errors without Granian."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import sys
import types

import pytest

from anysocket import App, Capability
from anysocket_rsgi import _errors, serve_rsgi
from anysocket_rsgi._scope import build_scope, parse_address
from anysocket_rsgi.testing import Headers, ProcessDied, Scope, connect, worker


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5", ("127.0.0.1", 5)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
        ("localhost:0", ("localhost", 0)),
        ("", None),
        ("/run/app.sock", None),
        ("unix:/run/app.sock", None),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address


def test_scope():
    raw = Scope("/a%20b/%C3%A9?x=%20&y", [("X-A", "1"), ("x-b", "2"), ("x-A", "3")], ["chat", "v2"])
    scope = build_scope(raw, {"db": "pool"})
    assert (scope.path, scope.query_string, scope.raw_path) == ("/a b/é", b"x=%20&y", None)
    assert scope.headers.getlist("x-a") == ["1", "3"]
    assert (scope.client, scope.server) == (("127.0.0.1", 50000), ("127.0.0.1", 80))
    assert (scope.scheme, scope.http_version, scope.host) == ("ws", "1.1", "testserver")
    assert scope.subprotocols == ("chat", "v2")
    assert scope.state.db == "pool"


@pytest.mark.parametrize("query", ["x=é", "x=漢"])
def test_query_that_a_client_left_unencoded(query):
    """It must not fail: up to Granian 2.8.5 an error before the handshake's answer ends the server."""
    raw = Scope("/?" + query, [], [])
    assert build_scope(raw, {}).query_string == query.encode()


@pytest.mark.parametrize(("given", "neutral"), [("http", "ws"), ("https", "wss")])
def test_scheme(given, neutral):
    raw = Scope("/", [], [])
    raw.scheme = given
    assert build_scope(raw, {}).scheme == neutral


def test_host_of_http2_is_the_authority():
    raw = Scope("/", [], [])
    raw.headers = Headers([(b"x-a", b"1")])
    raw.authority = "example.com:8443"
    raw.http_version = "2"
    scope = build_scope(raw, {})
    assert (scope.host, scope.http_version) == ("example.com:8443", "2")
    assert next(iter(scope.headers)) == (b"host", b"example.com:8443")


def test_host_header_wins_over_the_authority():
    raw = Scope("/", {"host": "named.example"}, [])
    raw.authority = "other.example"
    assert build_scope(raw, {}).headers.getlist("host") == ["named.example"]


def test_value_that_granian_cannot_read_is_left_out():
    raw = Scope("/", [("x-a", "é"), ("x-a", "readable"), ("x-b", b"\xff\x00")], [])
    headers = build_scope(raw, {}).headers
    assert headers.getlist("x-a") == ["readable"]
    assert "x-b" not in headers


def test_headers_of_the_double_without_a_value():
    headers = Headers([(b"x-a", b"1")])
    assert len(headers) == 1 and list(headers) == ["x-a"]
    with pytest.raises(KeyError):
        headers["x-b"]


# -- workers --


def lifespan_that(told):
    @contextlib.asynccontextmanager
    async def lifespan(app):
        told.append("starts")
        yield {"answer": 42}
        told.append("stops")

    return lifespan


def test_lifespan_runs_in_the_worker():
    told: list[object] = []
    app = App(lifespan=lifespan_that(told))

    @app.websocket("/")
    async def handler(websocket):
        await websocket.accept()
        await websocket.send_json(websocket.state.answer)

    async def talk():
        async with connect(app, "/") as peer:
            told.append(await peer.receive_json())

    with worker(app) as loop:
        loop.run_until_complete(talk())
    assert told == ["starts", 42, "stops"]


def test_worker_does_not_start_without_what_the_app_requires(caplog):
    told: list[object] = []
    app = App(lifespan=lifespan_that(told), requires=Capability.SUBPROTOCOL)
    with pytest.raises(SystemExit, match=r"Granian RSGI lacks: .*--interface asgi"), worker(app):
        pass
    assert told == []
    assert "Capability.SUBPROTOCOL" in caplog.text


def test_error_of_the_lifespan_ends_the_worker():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database")
        yield

    with pytest.raises(LookupError, match="no database"), worker(App(lifespan=lifespan)):
        pass


def test_app_without_worker_hooks():
    async def app(scope, protocol):
        transport = await protocol.accept()
        await transport.send_str(scope.path)

    async def talk():
        async with connect(app, "/plain") as peer:
            return await peer.receive_text()

    with worker(app) as loop:
        assert loop.run_until_complete(talk()) == "/plain"


def granian_worker(implementation):
    """A function as Granian's worker main is: of its module, with ``task_impl`` among its arguments."""
    module = types.ModuleType("granian.server.mp")
    code = "def main(task_impl, call):\n    return call()\n"
    exec(code, module.__dict__)
    return lambda call: module.main(implementation, call)


class TaskImpl:
    value = "rust"


@pytest.mark.parametrize("implementation", ["rust", TaskImpl()])
def test_rust_tasks_are_refused_at_the_start(implementation, caplog):
    started = granian_worker(implementation)
    with pytest.raises(SystemExit, match="--task-impl asyncio"):
        started(lambda: worker(App()).__enter__())
    assert "--task-impl asyncio" in caplog.text


def test_asyncio_tasks_start():
    started = granian_worker("asyncio")
    with started(lambda: contextlib.ExitStack()) as stack:
        started(lambda: stack.enter_context(worker(App())))


async def test_rust_tasks_are_refused_by_the_first_connection(caplog):
    """Where the start-up check had nothing to look at: a server that starts workers some other way."""

    class _CBSchedulerTask(asyncio.Task[None]):
        pass

    calls: list[int] = []
    protocol = types.SimpleNamespace(close=calls.append)
    scope = Scope("/", [], [])
    await _CBSchedulerTask(serve_rsgi(App(), scope, protocol), loop=asyncio.get_running_loop())
    assert calls == [500]
    assert "--task-impl asyncio" in caplog.text


def test_errors_without_granian(monkeypatch):
    monkeypatch.setitem(sys.modules, "granian.rsgi", None)
    try:
        importlib.reload(_errors)
        assert len(set(_errors.FAILURES)) == 2
        assert all(error.__module__ == "anysocket_rsgi._errors" for error in _errors.FAILURES)
        assert all(issubclass(error, RuntimeError) for error in _errors.FAILURES)
    finally:
        monkeypatch.undo()
        importlib.reload(_errors)


# -- the double's own promises --


async def test_handler_that_never_answers():
    async def app(scope, protocol):
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=r"accept\(\) or deny\(\) within 0.05 s"):
        async with connect(app, "/", timeout=0.05):
            pass


async def test_handler_that_outlives_its_peer():
    async def app(scope, protocol):
        await protocol.accept()
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=r"end within 0.05 s of its peer's close"):
        async with connect(app, "/", timeout=0.05):
            pass


async def test_death_comes_out_though_the_app_catches_everything():
    async def app(scope, protocol):
        await protocol.accept()
        with contextlib.suppress(BaseException):
            protocol.accept()

    with pytest.raises(ProcessDied, match="twice"):
        async with connect(app, "/") as peer:
            await peer.close()


async def test_error_of_the_app_is_logged(caplog):
    async def app(scope, protocol):
        await protocol.accept()
        raise LookupError("on purpose")

    async with connect(app, "/") as peer:
        assert (await peer.receive_close()).code == 1005
        assert not await peer.wait_ended(), "the peer's answer was left unread: a reset"
    assert "LookupError: on purpose" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


async def test_peer_that_does_not_read_holds_sends_back():
    sent = 0

    async def app(scope, protocol):
        nonlocal sent
        transport = await protocol.accept()
        while True:
            await transport.send_str("x")
            sent += 1

    async with connect(app, "/", timeout=1) as peer:
        while sent < 64:
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert sent == 64
        await peer.abort()
