"""HTTP of an ASGI app over RSGI: against a double of Granian's protocol object, then on Granian itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct
from typing import Any

import pytest
from http_double import Protocol, rsgi_scope

from anysocket_rsgi._http import run_asgi_http

# -- the app that Granian serves: python -m granian test_http:app --


async def respond(send: Any, status: int = 200, body: bytes = b"", headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def read(receive: Any) -> tuple[list[int], str]:
    """The sizes of the body's messages, and the type of the last one."""
    sizes = []
    while (message := await receive())["type"] == "http.request":
        sizes.append(len(message["body"]))
        if not message["more_body"]:
            break
    return sizes, message["type"]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await globals()["at_" + scope["path"].split("/")[1].replace("-", "_")](scope, receive, send)


async def at_scope(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, body=json.dumps(scope, default=bytes.decode).encode())


async def at_body(scope: Any, receive: Any, send: Any) -> None:
    sizes, last = await read(receive)
    logging.getLogger("test").warning("body of %d ended with %s", sum(sizes), last)
    await respond(send, body=json.dumps([sum(sizes), len(sizes), last]).encode())


async def at_status(scope: Any, receive: Any, send: Any) -> None:
    status, _, length = scope["query_string"].decode().partition("-")
    headers = [(b"content-length", length.encode())] if length else []
    await respond(send, int(status), b"x" * int(length or 0), headers)


async def at_headers(scope: Any, receive: Any, send: Any) -> None:
    pairs = [(b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"transfer-encoding", b"chunked")]
    unusual = [(b"x-utf-8", "€".encode()), (b"x-latin", b"\xe9"), (b"x-control", b"\x7f")]
    await respond(send, body=b"ok", headers=[*pairs, *unusual])


async def at_split(scope: Any, receive: Any, send: Any) -> None:
    await respond(send, headers=[(b"x", b"1\r\nset-cookie: stolen=1")])


async def at_stream(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(200):
        await send({"type": "http.response.body", "body": b"%6d" % number * 1000, "more_body": True})
    await send({"type": "http.response.body"})


async def at_echo(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more_body = True
    while more_body:
        message = await receive()
        more_body = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": more_body})


async def at_leave(scope: Any, receive: Any, send: Any) -> None:
    """Waits in the middle of a response for the client to leave."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    message = await receive()
    await send({"type": "http.response.body", "body": b"into the void", "more_body": True})
    await send({"type": "http.response.body", "body": b"into the void"})
    logging.getLogger("test").warning("left: %s, again: %s", message, await receive())


async def at_raise(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError


async def at_raise_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise ZeroDivisionError


async def at_silent(scope: Any, receive: Any, send: Any) -> None:
    pass


class App:
    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await run_asgi_http(asgi_app, scope, protocol, {"started": True}, root_path="")


app = App()


# -- the double --


async def run(asgi: Any, protocol: Protocol, scope: Any = None) -> None:
    async with asyncio.timeout(5):
        await run_asgi_http(asgi, scope or rsgi_scope(), protocol, {"a": 1})


async def scope_of(**changes: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await respond(send)

    await run(asgi, Protocol(), rsgi_scope(**changes))
    return seen


async def test_scope() -> None:
    scope = await scope_of(path="/a b/é", query_string="q=%20", headers={"host": "h"}, http_version="1")
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.3"}
    assert (scope["type"], scope["method"], scope["scheme"], scope["http_version"]) == (
        "http",
        "GET",
        "http",
        "1.0",
    )
    assert (scope["path"], scope["raw_path"]) == ("/a b/é", b"/a%20b/%C3%A9")
    assert (scope["query_string"], scope["headers"], scope["root_path"]) == (b"q=%20", [(b"host", b"h")], "")
    assert (scope["client"], scope["server"]) == (("127.0.0.1", 5), ("::1", 80))
    assert scope["state"] == {"a": 1}
    scope = await scope_of(client="", http_version="2", authority="h:1")
    assert (scope["client"], scope["headers"]) == (None, [(b"host", b"h:1")])


async def test_state_is_a_copy() -> None:
    state = {"a": 1}

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["b"] = 2
        await respond(send)

    await run_asgi_http(asgi, rsgi_scope(path="/x"), Protocol(), state, root_path="/root")
    assert state == {"a": 1}


@pytest.mark.parametrize(
    ("chunks", "headers", "expected"),
    [
        ([], {}, ([0], "http.request")),
        ([b"abc", b"de"], {}, ([3, 2, 0], "http.request")),
        ([b"abc", b"de"], {"content-length": "5"}, ([3, 2], "http.request")),
        ([], {"content-length": "0"}, ([0], "http.request")),
        ([b"abc"], {"content-length": "5"}, ([3], "http.disconnect")),
        ([b"abc", b""], {"transfer-encoding": "chunked"}, ([3], "http.disconnect")),
        ([b"abc", b""], {"transfer-encoding": "chunked", "trailer": "x"}, ([3, 0], "http.request")),
    ],
)
async def test_request_body(chunks: list[bytes], headers: dict[str, str], expected: Any) -> None:
    seen: list[Any] = []

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await read(receive))
        if seen[0][1] == "http.disconnect":
            seen.append(await receive())
        await respond(send)

    await run(asgi, Protocol(*chunks), rsgi_scope("POST", headers=headers))
    assert seen[0] == expected
    assert seen[1:] in ([], [{"type": "http.disconnect"}])


async def test_body_is_not_taken_unless_asked_for() -> None:
    protocol = Protocol(b"abc")
    await run(lambda scope, receive, send: respond(send), protocol)
    assert (protocol.taken, protocol.responses) == (0, [(200, [], b"")])


async def test_cancelled_receives_lose_nothing() -> None:
    arrive = asyncio.Event()
    protocol = Protocol(b"abc", arrive)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b"abc"
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(receive(), 0)
        arrive.set()
        assert await receive() == {"type": "http.request", "body": b"late", "more_body": True}
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(receive(), 0)
        protocol.left.set()
        assert await receive() == await receive() == {"type": "http.disconnect"}
        await respond(send, body=b"all seen")

    await run(asgi, protocol)
    assert protocol.responses == [(200, [], b"all seen")]


async def test_two_receives_at_once_share_the_body() -> None:
    protocol = Protocol(b"1", b"2")

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        messages = await asyncio.gather(receive(), receive(), receive())
        assert [message["body"] for message in messages] == [b"1", b"2", b""]
        await respond(send)

    await run(asgi, protocol)
    assert protocol.responses == [(200, [], b"")]


async def test_streamed_response() -> None:
    protocol = Protocol()
    await run(at_stream, protocol)
    assert protocol.responses == [(200, [], "stream")]
    assert len(protocol.chunks) == 200


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_responses_without_a_body(method: str, status: int) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        start = {"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]}
        await send(start)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})

    protocol = Protocol()
    await run(asgi, protocol, rsgi_scope(method))
    assert protocol.responses == [(status, [("content-length", "2")])]


ERROR = (500, [("content-type", "text/plain; charset=utf-8")], b"Internal Server Error")
START = {"type": "http.response.start", "status": 200}


@pytest.mark.parametrize(
    ("messages", "logged"),
    [
        ([], "returned without completing"),
        ([START], "returned without completing"),
        ([{"type": "http.response.body"}], "before 'http.response.start'"),
        ([START, START], "a second 'http.response.start'"),
        *(
            ([START, {"type": f"http.response.{kind}"}], "does not belong")
            for kind in ("push", "trailers", "early_hint", "zerocopysend", "debug")
        ),
        *(
            ([{**START, "status": status}], "no HTTP response status")
            for status in (0, 99, 101, 1000, "200", None)
        ),
        ([{**START, "headers": [(b"x", b"1\r\ny: 2")]}], "cannot be sent"),
        ([{**START, "headers": [(b"x y", b"1")]}], "cannot be sent"),
    ],
)
async def test_faulty_apps_get_500(messages: Any, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    protocol = Protocol()
    await run(asgi, protocol)
    assert protocol.responses == [ERROR]
    assert logged in caplog.text and "GET /" in caplog.text


async def test_faults_after_the_response_are_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await respond(send, body=b"ok")
        await send({"type": "http.response.body"})

    protocol = Protocol()
    await run(asgi, protocol)
    assert protocol.responses == [(200, [], b"ok")]
    assert "after the response was complete" in caplog.text


async def test_client_that_left_makes_sends_silent() -> None:
    protocol = Protocol()
    protocol.left.set()
    await run(at_leave, protocol)
    assert protocol.responses == [(200, [], "stream")]
    assert protocol.chunks == []


async def test_cancellation_answers_and_comes_out() -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    protocol = Protocol()
    task = asyncio.create_task(run_asgi_http(asgi, rsgi_scope(), protocol))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert protocol.responses == [ERROR]


# -- Granian --

granian = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


@pytest.fixture
def running(serve: Any) -> Any:
    return serve("test_http:app")


@granian
async def test_granian_scope(running: Any) -> None:
    headers = [("X-A", "1"), ("x-a", "2")]
    scope = (await running.request("GET", "/scope/a%20b?q=%20", headers=headers)).json()
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (
        "/scope/a b",
        "/scope/a%20b",
        "q=%20",
    )
    assert [value for name, value in scope["headers"] if name == "x-a"] == ["1", "2"]
    assert (scope["server"], scope["client"][0]) == (["127.0.0.1", running.port], "127.0.0.1")
    assert scope["state"] == {"started": True}


@granian
async def test_granian_request_bodies(running: Any) -> None:
    assert (await running.request("GET", "/body")).json() == [0, 1, "http.request"]
    for size in (5, 3_000_000):
        total, messages, last = (await running.request("POST", "/body", body=b"x" * size)).json()
        assert (total, last) == (size, "http.request") and (messages > 1) is (size > 5)
    body = b"0123456789" * 100_000
    assert (await running.request("POST", "/echo", body=body)).body == body


def raw_request(running: Any, head: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", running.port), 5)
    client.sendall(head.replace("\n", "\r\n").encode())
    return client


@granian
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "reset"])
@pytest.mark.parametrize("length", ["content-length: 100\n\nabc", "transfer-encoding: chunked\n\n3\nabc\n"])
async def test_granian_client_that_leaves_in_its_body(running: Any, length: str, reset: bool) -> None:
    with raw_request(running, f"POST /body HTTP/1.1\nhost: x\n{length}") as client:
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await running.logged("ended with http.disconnect")


@granian
async def test_granian_chunked_body_with_trailers(running: Any) -> None:
    head = "POST /body HTTP/1.1\nhost: x\ntransfer-encoding: chunked\ntrailer: t\nconnection: close\n\n"
    with raw_request(running, head + "3\nabc\n0\nt: 1\n\n") as client:
        await running.logged("body of 3 ended with http.request")
        assert client.recv(100).startswith(b"HTTP/1.1 200")


@granian
async def test_granian_client_that_leaves_in_the_response(running: Any) -> None:
    with raw_request(running, "GET /leave HTTP/1.1\nhost: x\n\n") as client:
        answer = b""
        while b"begun" not in answer:
            answer += await asyncio.to_thread(client.recv, 1000)
    await running.logged("left: {'type': 'http.disconnect'}, again: {'type': 'http.disconnect'}")


@granian
async def test_granian_responses(running: Any) -> None:
    for method in ("GET", "HEAD"):
        for status, length in ((200, "5"), (404, "0"), (204, ""), (304, ""), (999, "1")):
            response = await running.request(method, f"/status?{status}-{length}")
            body = b"x" * int(length or 0) if method == "GET" else b""
            assert (response.status, response.body) == (status, body)
            assert response.headers.get("content-length", "") == length
    streamed = await running.request("GET", "/stream")
    assert streamed.body == b"".join(b"%6d" % number * 1000 for number in range(200))
    response = await running.request("GET", "/headers")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    raw = {name.lower(): value for name, value in response.headers.raw}
    assert (raw[b"x-utf-8"], raw[b"x-latin"]) == ("€".encode(), "é".encode())
    assert (response.body, b"x-control" in raw) == (b"ok", False)


@granian
async def test_granian_lives_through_faulty_apps(running: Any) -> None:
    for path in (
        "/raise",
        "/silent",
        "/split",
        "/nowhere",
        *(f"/status?{n}" for n in (0, 99, 100, 199, 1000)),
    ):
        response = await running.request("GET", path)
        assert (response.status, "set-cookie" in response.headers) == (500, False)
    assert (await running.request("GET", "/raise-late")).body == b"begun"
    assert (await running.request("GET", "/status?200")).status == 200
    assert running.log().count("exception in the ASGI app serving GET /raise") == 2
