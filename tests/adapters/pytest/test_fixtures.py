"""The plugin's fixtures as their users have them, in coroutines and in synchronous tests."""

from __future__ import annotations

import inspect
import os
import signal
from typing import Any

import pytest

from anysocket import ConnectionClosed
from anysocket.testing import Peer, Refused
from anysocket_pytest import AnysocketServer, AnysocketStart, SyncPeer, SyncServer

pytestmark = pytest.mark.anysocket(
    "plugin_app:app", servers=["granian-rsgi", "uvicorn-sansio", "testclient", "memory"]
)
local = pytest.mark.anysocket(servers=["memory"])
in_processes = pytest.mark.anysocket(servers=["granian-rsgi", "uvicorn-sansio"])


async def test_a_coroutine_has_a_peer(anysocket_server: AnysocketServer) -> None:
    async with anysocket_server.connect("/echo", origin="https://example.org") as peer:
        await peer.send("hello")
        assert await peer.receive_text() == "hello"
    assert "https://example.org" in await anysocket_server.logged("greeted")


@pytest.mark.anysocket(servers=["uvicorn-sansio", "memory"])
@pytest.mark.parametrize("headers", [{"x-token": "1"}, [("x-token", "1")]])
async def test_a_handshake_with_all_there_is(anysocket_server: AnysocketServer, headers: Any) -> None:
    connecting = anysocket_server.connect("/agree?x=1", headers, ["v1"], "https://example.org", 3)
    async with connecting as peer:
        assert (peer.subprotocol, peer.response_headers.get("x-seen"), peer.timeout) == ("v1", "1", 3)
    with anysocket_server.connect("/agree", headers, ["v1"], timeout=3) as blocking:
        assert (blocking.subprotocol, blocking.response_headers.get("x-seen"), blocking.timeout) == (
            "v1",
            "1",
            3,
        )


def test_a_synchronous_test_has_a_peer_that_blocks(anysocket_server: AnysocketServer) -> None:
    with anysocket_server.connect("/echo", origin="https://example.org") as peer:
        peer.send("a")
        peer.send(b"b")
        peer.send_text("c")
        peer.send_bytes(b"d")
        peer.send_json(["e"])
        assert [peer.receive().data, peer.receive().data] == ["a", b"b"]
        assert (peer.receive_text(), peer.receive_bytes(), peer.receive_json()) == ("c", b"d", ["e"])
        peer.receive_nothing(0.01)
        peer.close(4000, "done")
    assert "https://example.org" in anysocket_server.sync.logged("greeted")


def test_ends_in_a_synchronous_test(anysocket_server: AnysocketServer) -> None:
    with anysocket_server.connect("/close") as peer:
        closed = peer.receive_close()
        assert (closed.code, closed.reason) == anysocket_server.server.expected_close(4000, "as asked")
        with pytest.raises(ConnectionClosed):
            peer.send("too late")


@pytest.mark.parametrize("way", ["abort", "hang_up"])
def test_a_synchronous_peer_can_vanish(anysocket_server: AnysocketServer, way: str) -> None:
    with anysocket_server.connect("/end") as peer:
        getattr(peer, way)()
        anysocket_server.sync.logged("the connection has ended")


def test_refusals_and_waits_fail_in_a_synchronous_test(anysocket_server: AnysocketServer) -> None:
    with pytest.raises(Refused) as refused, anysocket_server.connect("/deny"):
        pass
    assert refused.value.status == 402
    with anysocket_server.connect("/echo", timeout=0.5) as peer:
        with pytest.raises(AssertionError, match=r"expected a message within 0\.5 s, nothing came"):
            peer.receive()
        with pytest.raises(AssertionError, match=r"expected a text message within 0\.02 s"):
            peer.receive_text(0.02)
    with pytest.raises(AssertionError, match="'nobody says this' not logged within"):
        anysocket_server.sync.logged("nobody says this", timeout=0.01)


async def test_errors_of_a_test_come_out_of_both_kinds_of_connection(
    anysocket_server: AnysocketServer,
) -> None:
    with pytest.raises(LookupError):
        async with anysocket_server.connect("/echo"):
            raise LookupError
    with pytest.raises(LookupError), anysocket_server.connect("/echo"):
        raise LookupError


async def test_requests(anysocket_server: AnysocketServer) -> None:
    answer = (await anysocket_server.request("GET", "/about", headers={"x-token": "1"})).json()
    assert answer["token"] == "1"
    assert (answer["process"] != os.getpid()) == anysocket_server.server.process
    assert (await anysocket_server.request("POST", "/size", body=b"123")).json() == {"bytes": 3}


def test_requests_of_a_synchronous_test(anysocket_server: AnysocketServer) -> None:
    response = anysocket_server.sync.request("POST", "/size", json=[1, 2], headers=[("x-token", "1")])
    assert response.status == 200
    assert response.json() == {"bytes": 5}


def test_what_a_server_tells_of_itself(anysocket_server: AnysocketServer) -> None:
    assert anysocket_server.name == anysocket_server.server.name == anysocket_server.running.name
    assert anysocket_server.url == anysocket_server.running.endpoint.url
    assert anysocket_server.websocket_url == anysocket_server.url.replace("http", "ws")


@in_processes
def test_a_process(anysocket_server: AnysocketServer) -> None:
    assert anysocket_server.process.poll() is None


@local
def test_no_process(anysocket_server: AnysocketServer) -> None:
    with pytest.raises(RuntimeError, match="memory runs in the test's own process"):
        anysocket_server.process.send_signal(signal.SIGTERM)


@in_processes
@pytest.mark.anysocket(arguments=["--backlog", "198"], environment={"STAGE": "test"})
def test_started_for_this_test(anysocket_start: AnysocketStart) -> None:
    first = anysocket_start()
    second = anysocket_start(arguments=["--backlog", "199"], environment={"STAGE": "other"})
    for server, backlog, stage in ((first, "198", "test"), (second, "199", "other")):
        command = server.process.args
        assert isinstance(command, list) and command[-1] == backlog
        assert server.sync.request("GET", "/about").json()["stage"] == stage
    first.process.send_signal(signal.SIGTERM)
    first.sync.ended()
    assert second.running.alive()


async def test_another_app_started_and_stopped(anysocket_start: AnysocketStart) -> None:
    server = anysocket_start("plugin_app:other")
    assert (await server.request("GET", "/about")).json() == {"other": True}
    await server.stop()
    assert not server.running.alive()


@local
def test_stopped_by_a_synchronous_test(anysocket_start: AnysocketStart) -> None:
    server = anysocket_start()
    server.sync.stop()
    assert not server.running.alive()


@in_processes
async def test_a_server_that_goes_on(anysocket_start: AnysocketStart) -> None:
    server = anysocket_start()
    with pytest.raises(AssertionError, match=r"expected the end of .* within 0\.01 s, it goes on"):
        await server.ended(0.01)
    server.process.terminate()
    await server.ended()


@local
def test_the_app_of_a_server_is_named(anysocket_start: AnysocketStart) -> None:
    with pytest.raises(
        pytest.UsageError, match=r'anysocket_start: the app must be "module:name", not \'chat\''
    ):
        anysocket_start("chat")


@local
def test_outside_asyncio(anysocket_server: AnysocketServer) -> None:
    with pytest.raises(RuntimeError, match="on asyncio only"):
        anysocket_server.connect("/echo").__aenter__().send(None)
    with pytest.raises(RuntimeError, match="on asyncio only"):
        anysocket_server.request("GET", "/about").send(None)


@pytest.mark.parametrize(("blocking", "original"), [(SyncPeer, Peer), (SyncServer, AnysocketServer)])
def test_what_blocks_has_the_names_and_parameters_of_what_does_not(blocking: type, original: type) -> None:
    coroutines = {name for name, member in vars(original).items() if inspect.iscoroutinefunction(member)}
    for name in (name for name in coroutines if not name.startswith("_")):
        twin = inspect.signature(getattr(blocking, name))
        assert twin == inspect.signature(getattr(original, name)), name
