"""ASGI apps under RSGI on a real Granian: runtime modes, event loops, workers, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived

from anysocket.testing import Refused
from anysocket.testing._stopwatch import stopwatch
from anysocket_servers import BY_NAME, StartError, start

APPS = Path(__file__).parent / "apps"
MODES = ("granian-rsgi", "granian-rsgi-mt")
LOOPS = ("granian-rsgi-uvloop", "granian-rsgi-rloop")

on_both_modes = pytest.mark.servers(*MODES)
everywhere = pytest.mark.servers(*MODES, *LOOPS, "granian-rsgi-tls")


@pytest.fixture
def running(serve: Any) -> Any:
    return serve("bridged:app", APPS)


async def refused(running: Any, path: str) -> int:
    with pytest.raises(Refused) as refusal:
        async with running.connect(path):
            pass
    return refusal.value.status


# -- HTTP --


@everywhere
async def test_requests_and_responses(running: Any) -> None:
    response = await running.request("GET", "/json")
    assert (response.status, response.json()) == (200, {"hello": "world"})
    assert response.headers["content-length"] == str(len(response.body))
    response = await running.request("POST", "/items/7", json={"a": "é"})
    assert response.json() == {"number": 7, "body": {"a": "é"}}
    assert (await running.request("POST", "/items/x", json={})).status == 422
    assert (await running.request("GET", "/nowhere")).status == 404
    response = await running.request("GET", "/cookies")
    assert [each.partition(";")[0] for each in response.headers.get_list("set-cookie")] == ["a=1", "b=2"]


@on_both_modes
async def test_scope(running: Any) -> None:
    scope = (await running.request("GET", "/scope?q=%20", headers=[("X-A", "1"), ("x-a", "2")])).json()
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/scope", "/scope", "q=%20")
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "GET", "http")
    assert [value for name, value in scope["headers"] if name == "x-a"] == ["1", "2"]
    assert scope["server"] == ["127.0.0.1", running.port]
    assert scope["client"][0] == "127.0.0.1" and type(scope["client"][1]) is int
    assert (scope["root_path"], scope["extensions"]) == ("", {"http.response.pathsend": {}})


@on_both_modes
async def test_what_of_the_scope_is_lost(running: Any) -> None:
    """An encoded slash, bytes that are no UTF-8, the order of headers of different names, and values that
    are not ASCII."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    headers = ["host: x", "connection: close", "x-a: é", "x-a: readable", "x-b: 1", "x-a: 2"]
    writer.write("\r\n".join(["GET /nasty/a%2Fb%FF/seen HTTP/1.1", *headers, "", ""]).encode())
    seen = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    assert seen == ["/nasty/a/b\ufffd/seen", "/nasty/a/b%EF%BF%BD/seen", ["readable", "2"]]


@pytest.mark.servers("granian-rsgi-unix")
async def test_scope_of_a_unix_socket(running: Any) -> None:
    scope = (await running.request("GET", "/scope")).json()
    assert (scope["client"], scope["server"]) == (None, [running.endpoint.unix_path, None])


@on_both_modes
async def test_scope_over_http2(running: Any) -> None:
    async with httpx2.AsyncClient(http1=False, http2=True, trust_env=False, base_url=running.url) as client:
        response = await client.get("/scope")
        scope = response.json()
        assert (response.http_version, scope["http_version"]) == ("HTTP/2", "2")
        assert dict(scope["headers"])["host"] == f"127.0.0.1:{running.port}"
        assert (await client.post("/items/7", json={"a": 1})).json() == {"number": 7, "body": {"a": 1}}


@on_both_modes
async def test_files(running: Any) -> None:
    content = (APPS / "bridged.py").read_bytes()
    for path in ("/file", "/files/bridged.py"):
        response = await running.request("GET", path)
        assert (response.status, response.body) == (200, content)
        assert response.headers["content-length"] == str(len(content))
        response = await running.request("HEAD", path)
        assert (response.status, response.body) == (200 if path != "/file" else 405, b"")
    assert "in the background" in await running.logged("in the background")
    response = await running.request("GET", "/file", headers=[("range", "bytes=10-19")])
    assert (response.status, response.body) == (206, content[10:20])
    etag = (await running.request("GET", "/files/bridged.py")).headers["etag"]
    response = await running.request("GET", "/files/bridged.py", headers=[("if-none-match", etag)])
    assert (response.status, response.body) == (304, b"")


@everywhere
async def test_a_file_that_the_app_removes_at_once_is_sent_whole(running: Any) -> None:
    for _ in range(10):
        responses = await asyncio.gather(*(running.request("GET", "/temporary") for _ in range(5)))
        assert [(each.status, len(each.body)) for each in responses] == [(200, 200_000)] * 5


@everywhere
async def test_a_body_is_streamed_to_the_app(running: Any) -> None:
    size = 8 << 20
    total, largest = (await running.request("POST", "/upload", body=b"x" * size)).json()
    assert total == size and largest < 1 << 20


@on_both_modes
async def test_a_body_that_the_app_does_not_read_is_held_back(running: Any) -> None:
    """The client cannot send more than buffers hold."""
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.settimeout(1)
        client.sendall(b"POST /nasty/wait HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += await asyncio.to_thread(client.send, b"x" * 65536)
    assert sent < 64 << 20
    await running.request("GET", "/nasty/go")
    await running.logged("left in the body")


@everywhere
async def test_a_client_that_leaves_cancels_the_stream(running: Any) -> None:
    address = {"base_url": running.url, "verify": running.endpoint.trust or False}
    client = httpx2.AsyncClient(**address, trust_env=False)
    async with client:
        for _ in range(3):  # On the same connection, whose end nobody may miss who watches it now.
            assert (await client.get("/finite")).text == "123"
        async with client.stream("GET", "/stream") as response:
            assert await anext(response.aiter_lines()) == "tick"
    await running.logged("the stream was cancelled", 2)


@on_both_modes
async def test_a_client_that_gives_up_a_stream_of_http2(running: Any) -> None:
    """The connection goes on, and with it what Granian tells: the next send finds out."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    path = [(":method", "GET"), (":path", "/stream"), (":scheme", "http"), (":authority", "x")]
    client.send_headers(1, path, end_stream=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(client.data_to_send())
    while not any(isinstance(each, DataReceived) for each in client.receive_data(await reader.read(1000))):
        writer.write(client.data_to_send())
    client.reset_stream(1)
    writer.write(client.data_to_send())
    await running.logged("the stream was cancelled")
    writer.close()


@everywhere
async def test_libraries_that_need_a_real_task(running: Any) -> None:
    seen = (await running.request("GET", "/tasks")).json()
    assert seen == {
        "context": ["set", "set"],
        "task": "Task",
        "timeout": True,
        "scope": True,
        "group": True,
        "thread": 42,
        "backend": True,
    }
    assert (await running.request("GET", "/context")).json() == "unset"


# -- WebSockets --


@everywhere
async def test_echo(running: Any) -> None:
    async with running.connect("/echo") as peer:
        for data in ("text", b"bytes", "", b"", "é\0", "x" * 200_000, b"\0\xff" * 100_000):
            await peer.send(data)
            assert (await peer.receive()).data == data
        await peer.ping()
        await peer.close(4001, "bye")
        await peer.receive_close()
    await running.logged("disconnected with 1005")


@on_both_modes
@pytest.mark.parametrize(("how", "code"), [("abort", 1006), ("hang_up", 1006)])
async def test_a_peer_that_is_lost(running: Any, how: str, code: int) -> None:
    async with running.connect("/echo") as peer:
        await peer.send("1")
        await peer.receive()
        await getattr(peer, how)()
        await running.logged(f"disconnected with {code}")


@everywhere
async def test_an_app_that_only_sends_notices_within_a_second(running: Any) -> None:
    async with running.connect("/ticks") as peer:
        assert await peer.receive_text() == "tick"
        await peer.ping()
        async with stopwatch() as watch:
            await peer.close()
            await running.logged("ticking ended with 1006")
            assert watch.seconds < 1


@everywhere
async def test_the_apps_close(running: Any) -> None:
    async with running.connect("/close") as peer:
        assert (await peer.receive_close()).code == 1005
        await peer.wait_ended()
    await running.logged("after the close: {'type': 'websocket.disconnect', 'code': 4001, 'reason': 'bye'}")


@everywhere
async def test_cancelled_receives_lose_nothing(running: Any) -> None:
    count = 2000
    async with running.connect(f"/storm/{count}", timeout=20) as peer:
        for number in range(count):
            await peer.send_text(str(number))
            if number % 20 == 0:
                await asyncio.sleep(0.001)
        assert await peer.receive_text() == "true"


@everywhere
async def test_order_of_sends_that_are_started_together(running: Any) -> None:
    count = 2000
    async with running.connect(f"/burst/{count}", timeout=20) as peer:
        assert [await peer.receive_text() for _ in range(count)] == [str(number) for number in range(count)]


@on_both_modes
async def test_refusals(running: Any) -> None:
    for status in (302, 401, 404, 599):
        assert await refused(running, f"/deny?status={status}") == status
    assert await refused(running, "/nowhere") == 403
    assert await refused(running, "/exception") == 403


@on_both_modes
async def test_a_subprotocol_is_an_error_with_the_way_out(running: Any) -> None:
    assert await refused(running, "/subprotocol") == 500
    log = await running.logged("UnsupportedByTransport")
    assert "granian --interface asgi" in log


@on_both_modes
async def test_a_subprotocol_can_be_ignored(serve: Any) -> None:
    running = serve("bridged:ignoring", APPS)
    for _ in range(2):
        async with running.connect("/subprotocol", subprotocols=["chat"]) as peer:
            assert peer.subprotocol is None and await peer.receive_text() == "accepted"
    log = await running.logged("dropped")
    assert log.count("cannot send the subprotocol") == 1


# -- what no app should do --


@on_both_modes
async def test_no_app_ends_the_server(running: Any) -> None:
    for path, status in (
        ("raise", 500),
        ("exit", 500),
        ("cancel", 500),
        ("return", 500),
        *((f"status?{status}", 500) for status in (0, 99, 100, 199, 1000, 65939, -1)),
        *((f"code?{code}", 403) for code in (0, 1000, 1008, 70000, -2)),
    ):
        assert await refused(running, f"/nasty/{path}") == status, path
    for path in (
        "twice",
        "accepts",
        "close",
        "outlive",
        *(f"code?{code}" for code in (1, 1005, 1007, 99999)),
    ):
        async with running.connect(f"/nasty/{path}") as peer:
            assert (await peer.receive_close()).code == 1005, path
            await peer.wait_ended()
    for path in ("raise", "exit", "cancel", "return", "nonsense"):
        assert (await running.request("GET", f"/nasty/{path}")).status == 500, path
    assert (await running.request("GET", "/json")).status == 200
    assert running.alive()


# -- lifespan --


@pytest.mark.servers(*MODES, *LOOPS, "granian-rsgi-2-workers")
async def test_start_stop_and_state(server: Any) -> None:
    with start(server, "bridged:app", APPS) as running:
        pids = set()
        for number in range(1, 40):
            counter, shared, pid = (await running.request("GET", "/state")).json()
            assert counter == 1 and shared <= number
            pids.add(pid)
        assert running.log().count("started in") == server.workers
        running.stop()
        log = running.log()
    assert log.count("stopped in") == log.count("the same task: True") == server.workers
    assert "Traceback" not in log
    assert all(f"started in {pid}" in log and f"stopped in {pid}" in log for pid in pids)


@pytest.mark.servers(*MODES, "granian-rsgi-2-workers")
def test_a_start_that_fails_ends_the_server(server: Any) -> None:
    with pytest.raises(StartError) as failure:
        start(server, "bridged:app", APPS, {"FAIL": "start"}).__enter__()
    assert "the ASGI app failed to start" in str(failure.value)
    assert "ConnectionRefusedError: no database" in str(failure.value)


def test_a_shutdown_that_fails_is_told() -> None:
    with start(BY_NAME["granian-rsgi"], "bridged:app", APPS, {"FAIL": "stop"}) as running:
        running.stop()
        assert "ConnectionRefusedError: not flushed" in running.log()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Granian has such tasks up to Python 3.11")
def test_rust_tasks_are_refused() -> None:
    with pytest.raises(StartError, match="--task-impl asyncio"):
        start(BY_NAME["granian-rsgi-rust"], "bridged:app", APPS).__enter__()
