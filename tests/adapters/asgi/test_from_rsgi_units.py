"""Parts of from_rsgi by themselves: the scope, the body that two wait for, the order of what is left."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest
from scripted import ABSENT, CONNECT, GRANIAN, UNKNOWN, disconnect, run, server, text, websocket_scope

from anysocket_asgi import from_rsgi
from anysocket_asgi._in_order import InOrder
from anysocket_asgi._rsgi_body import READ_AHEAD_BYTES, RequestBody
from anysocket_asgi._rsgi_http import HTTPProtocol
from anysocket_asgi._rsgi_scope import rsgi_scope
from anysocket_rsgi._errors import ProtocolClosed, ProtocolError

# -- the scope --


def http_scope(**changes: Any) -> dict[str, Any]:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/a b",
        "query_string": b"x=%20&\xc3\xa9",
        "headers": [(b"host", b"example.com"), (b"x-a", b"1"), (b"x-b", b"\xe9"), (b"x-a", b"2")],
        "client": ("::1", 50000),
        "server": ("127.0.0.1", 80),
    }
    scope.update(changes)
    return scope


def test_fields_of_a_request():
    scope = rsgi_scope(http_scope())
    assert (scope.proto, scope.rsgi_version, scope.method, scope.scheme) == ("http", "1.6", "GET", "https")
    assert (scope.path, scope.query_string) == ("/a b", "x=%20&é")
    assert (scope.http_version, scope.authority) == ("1.1", None)


def test_fields_of_a_websocket():
    scope = rsgi_scope(websocket_scope(scheme="wss"))
    assert (scope.proto, scope.method, scope.scheme) == ("ws", "GET", "https")


@pytest.mark.parametrize(
    ("version", "told", "authority"), [("1.0", "1", None), ("1.1", "1.1", None), ("2", "2", "example.com")]
)
def test_http_version_and_authority(version, told, authority):
    scope = rsgi_scope(http_scope(http_version=version))
    assert (scope.http_version, scope.authority) == (told, authority)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (("1.2.3.4", 5), "1.2.3.4:5"),
        (["1.2.3.4", 5], "1.2.3.4:5"),
        (("::1", 5), "[::1]:5"),
        (("/run/app.sock", None), "/run/app.sock"),
        (("", 0), ""),
        (None, ""),
    ],
)
def test_addresses(address, told):
    scope = rsgi_scope(http_scope(client=address, server=address))
    assert (scope.client, scope.server) == (told, told)


def test_addresses_that_a_server_leaves_out():
    scope = http_scope()
    del scope["client"], scope["server"]
    assert (rsgi_scope(scope).client, rsgi_scope(scope).server) == ("", "")


def test_path_of_a_mounted_app_is_the_one_below():
    assert rsgi_scope(http_scope(path="/api/x", root_path="/api")).path == "/x"


def test_headers_are_a_mapping():
    headers = rsgi_scope(http_scope()).headers
    assert headers.get("X-A") == headers["x-a"] == "1"
    assert headers.get_all("X-a") == ["1", "2"]
    assert headers.get("x-b") == "é"
    assert (headers.get("x-c"), headers.get("x-c", "none"), headers.get_all("x-c")) == (None, "none", [])
    assert headers.keys() == list(headers) == ["host", "x-a", "x-b"]
    assert headers.items() == [("host", "example.com"), ("x-a", "1"), ("x-a", "2"), ("x-b", "é")]
    assert headers.values() == ["example.com", "1", "2", "é"]
    assert "X-A" in headers and "x-c" not in headers and len(headers) == 3
    with pytest.raises(KeyError):
        headers["x-c"]


def test_subprotocols_that_the_server_took_from_the_headers():
    """uvicorn's wsproto."""
    scope = websocket_scope(subprotocols=["chat", "v2"])
    assert rsgi_scope(scope).headers["sec-websocket-protocol"] == "chat, v2"
    scope["headers"] = [(b"sec-websocket-protocol", b"chat,v2")]
    assert rsgi_scope(scope).headers.get_all("sec-websocket-protocol") == ["chat,v2"]


def test_websocket_of_a_server_that_says_little():
    absent = dict.fromkeys(("scheme", "http_version", "client", "query_string"), ABSENT)
    scope = rsgi_scope(websocket_scope(**absent))
    assert (scope.scheme, scope.http_version, scope.client, scope.query_string) == ("http", "1.1", "", "")


# -- the body --


def chunk(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_client_that_leaves_is_noticed_behind_a_body_that_nobody_reads():
    script = server(UNKNOWN, chunk(b"a"), chunk(b"b", more=False), {"type": "http.disconnect"})
    body = RequestBody(script.receive)
    async with asyncio.timeout(5):
        await body.watch()
    assert body.disconnected
    assert await body.whole() == b"ab"


async def test_body_that_nobody_reads_is_not_taken_whole():
    half = b"x" * (READ_AHEAD_BYTES // 2)
    script = server(UNKNOWN, *[chunk(half)] * 10, chunk(b"", more=False), {"type": "http.disconnect"})
    body = RequestBody(script.receive)
    body.watch()
    while script.events.qsize() > 10:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    assert script.events.qsize() == 10 and not body.disconnected
    assert await body.whole() == half * 10
    async with asyncio.timeout(5):
        await body.watch()


async def test_body_that_is_cut():
    body = RequestBody(server(UNKNOWN, chunk(b"a"), {"type": "http.disconnect"}).receive)
    chunks = body.chunks()
    assert await anext(chunks) == b"a"
    for _ in range(2):
        with pytest.raises(ProtocolClosed):
            await anext(chunks)


async def test_wait_for_a_chunk_that_is_given_up_loses_nothing():
    script = server(UNKNOWN)
    chunks = RequestBody(script.receive).chunks()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(chunks), 0.01)
    script.events.put_nowait(chunk(b"a", more=False))
    assert [data async for data in chunks] == [b"a"]


# -- the order of what plain functions leave --


async def test_what_is_left_is_done_in_order():
    done: list[str] = []
    go_on = asyncio.Event()

    async def slow() -> None:
        await go_on.wait()
        done.append("slow")

    async def quick(name: str) -> None:
        done.append(name)

    work = InOrder()
    work.put(slow)
    await asyncio.sleep(0)
    work.put(lambda: quick("put"))
    sending = asyncio.create_task(work.send(lambda: quick("sent")))
    await asyncio.sleep(0)
    assert done == []
    go_on.set()
    await sending
    await work.finish()
    assert done == ["slow", "put", "sent"]


async def test_failure_of_what_was_left_comes_out_at_the_end():
    async def fails() -> None:
        raise LookupError("why")

    work = InOrder()
    work.put(fails)
    await asyncio.sleep(0)
    with pytest.raises(LookupError, match="why"):
        await work.finish()


async def test_nothing_is_done_after_the_end():
    done: list[str] = []

    async def note() -> None:
        done.append("done")

    work = InOrder()
    work.put(note)
    work.stop()
    work.put(note)
    await asyncio.sleep(0)
    assert done == []


# -- the stream --


async def test_stream_that_is_freed_in_another_thread_ends():
    script = server(UNKNOWN, chunk(b"", more=False))
    protocol = HTTPProtocol(rsgi_scope(http_scope()), script.receive, script.send)
    held = [protocol.response_stream(200, [])]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    async with asyncio.timeout(5):
        await protocol.finish(failed=False)
    protocol.release()
    assert [event["type"] for event in script.sent] == ["http.response.start", "http.response.body"]


async def test_stream_that_is_freed_in_a_cycle_ends():
    script = server(UNKNOWN, chunk(b"", more=False))

    async def app(scope: Any, protocol: Any) -> None:
        cycle: dict[str, Any] = {"transport": protocol.response_stream(200, [])}
        cycle["cycle"] = cycle

    running = asyncio.create_task(run(from_rsgi(app), http_scope(), script))
    await script.sends("http.response.start")
    assert not running.done()
    gc.collect()
    await running
    assert script.types() == ["http.response.start", "http.response.body"]


async def test_stream_freed_after_the_request_is_over_does_nothing():
    script = server(UNKNOWN, chunk(b"", more=False))
    held: list[Any] = []

    async def app(scope: Any, protocol: Any) -> None:
        held.append(protocol.response_stream(200, []))
        raise LookupError

    with pytest.raises(LookupError):
        await run(from_rsgi(app), http_scope(), script)
    held.clear()
    await asyncio.sleep(0)
    assert script.sent == []


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_stream_without_a_body_tells_its_sender(method):
    """Else an endless one would go on."""
    script = server(UNKNOWN, chunk(b"", more=False))
    seen: list[Any] = []

    async def app(scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(204 if method == "GET" else 200, [])
        with pytest.raises(ProtocolClosed):
            await transport.send_str("x")
        seen.append("told")

    await run(from_rsgi(app), http_scope(method=method), script)
    assert seen == ["told"]
    assert script.sent[-1] == {"type": "http.response.body"}


async def test_send_to_a_client_that_has_left():
    """As ASGI 2.4 has it: an OSError."""

    def fail(event: dict[str, Any]) -> None:
        raise BrokenPipeError

    script = server(UNKNOWN, chunk(b"", more=False), fail=fail)
    seen: list[Any] = []

    async def app(scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, [])
        with pytest.raises(ProtocolClosed):
            await transport.send_str("x")
        seen.append("told")
        await transport.send_str("x")

    await run(from_rsgi(app), http_scope(), script)
    assert seen == ["told"]


# -- WebSockets --


async def talk(scope: Any, protocol: Any) -> None:
    transport = await protocol.accept()
    while (message := await transport.receive()).kind:
        await transport.send_str(message.data)


async def test_events_of_a_conversation():
    script = await run(
        from_rsgi(talk), websocket_scope(), server(UNKNOWN, CONNECT, text("a"), disconnect(1000))
    )
    accepted = {"type": "websocket.accept", "headers": []}
    assert script.sent == [accepted, {"type": "websocket.send", "text": "a"}]


async def test_peer_that_left_before_it_was_asked_in():
    script = await run(from_rsgi(talk), websocket_scope(), server(UNKNOWN, disconnect(1006)))
    assert script.sent == []


@pytest.mark.parametrize("error", [OSError, RuntimeError])
async def test_peer_that_leaves_in_the_handshake(error):
    def fail(event: dict[str, Any]) -> None:
        raise error

    await run(from_rsgi(talk), websocket_scope(), server(UNKNOWN, CONNECT, fail=fail))


async def test_receive_that_fails_is_a_loss():
    class Fails(type(server(UNKNOWN))):  # type: ignore[misc]
        async def receive(self) -> Any:
            if self.events.empty():
                raise RuntimeError("the server's own")
            return await super().receive()

    seen: list[type[Exception]] = []

    async def app(scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        for _ in range(2):
            try:
                await transport.receive()
            except ProtocolClosed as error:
                seen.append(type(error))
        with pytest.raises(ProtocolClosed):
            await transport.send_bytes(b"")

    await run(from_rsgi(app), websocket_scope(), server(UNKNOWN, CONNECT, base=Fails))
    assert seen == [ProtocolClosed] * 2


async def test_answer_that_nobody_waits_for_is_given():
    async def app(scope: Any, protocol: Any) -> None:
        protocol.accept()
        protocol.close(4000)

    script = await run(from_rsgi(app), websocket_scope(), server(UNKNOWN, CONNECT))
    assert script.types() == ["websocket.accept", "websocket.close"]
    assert script.sent[-1]["code"] == 4000


async def test_own_close_lets_the_peers_loss_be_an_end():
    seen: list[int] = []

    async def app(scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        protocol.close()
        seen.append((await transport.receive()).kind)
        with pytest.raises(ProtocolClosed):
            await transport.receive()
        with pytest.raises(ProtocolError):
            await transport.send_str("late")

    await run(from_rsgi(app), websocket_scope(), server(UNKNOWN, CONNECT, disconnect(1006)))
    assert seen == [0]


async def test_close_of_the_peer_is_answered_where_the_server_waits_for_it():
    script = server(GRANIAN, CONNECT, disconnect(4000), disconnect(4000))
    await run(from_rsgi(talk), websocket_scope(), script)
    assert (await script.sends("websocket.close"))["code"] == 1000


async def test_cancelled_app_sends_nothing_more():
    script = server(UNKNOWN, CONNECT)
    running = asyncio.create_task(run(from_rsgi(talk), websocket_scope(), script))
    await script.sends("websocket.accept")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert script.types() == ["websocket.accept"]


# -- the log --


@pytest.mark.parametrize("kind", ["forgets", "answers twice", "lacks its file", "forgets a WebSocket"])
async def test_a_path_forges_no_lines_of_the_log(
    kind: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def rsgi_app(scope: Any, protocol: Any) -> None:
        if kind == "answers twice":
            protocol.response_empty(204, [])
            protocol.response_empty(204, [])
        elif kind == "lacks its file":
            protocol.response_file(200, [], str(tmp_path / "none"))

    async def receive() -> dict[str, Any]:
        return CONNECT if "WebSocket" in kind else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        pass

    path = "/a\n\r\x1b[2K\u2028forged"
    scope = websocket_scope(path) if "WebSocket" in kind else http_scope(path=path)
    await from_rsgi(rsgi_app)(scope, receive, send)
    (record,) = caplog.records
    assert "forged" in record.getMessage() and record.getMessage().isprintable()
