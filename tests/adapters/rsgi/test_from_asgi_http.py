"""HTTP of an ASGI app under RSGI, beside test_http.py: files, disconnects, fairness, headers, addresses."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from pathlib import Path
from typing import Any

import pytest
from http_double import Protocol, rsgi_scope
from starlette.responses import FileResponse, StreamingResponse

from anysocket_asgi import from_rsgi
from anysocket_rsgi import from_asgi

START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body"}
DISCONNECT = {"type": "http.disconnect"}
ERROR = (500, [("content-type", "text/plain; charset=utf-8")], b"Internal Server Error")


async def serve(asgi: Any, protocol: Protocol | None = None, scope: Any = None, **options: Any) -> Protocol:
    protocol = protocol or Protocol()
    async with asyncio.timeout(5):
        await from_asgi(asgi, **options).__rsgi__(scope or rsgi_scope(), protocol)
    return protocol


async def scope_of(**changes: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send(START)
        await send(BODY)

    await serve(app, scope=rsgi_scope(**changes))
    return seen


# -- the scope --


@pytest.mark.parametrize(
    ("address", "pair"),
    [
        ("1.2.3.4:5", ("1.2.3.4", 5)),
        ("[::1]:65535", ("::1", 65535)),
        ("", None),
        ("/run/app:80", ("/run/app:80", None)),
    ],
)
async def test_addresses(address: str, pair: Any) -> None:
    """A unix socket has a path and no port, and who connects to it has neither."""
    scope = await scope_of(client=address, server=address)
    assert scope["client"] == scope["server"] == pair
    assert pair is None or type(scope["client"]) is tuple


async def test_query_that_a_client_left_unencoded() -> None:
    assert (await scope_of(query_string="x=é&y=漢"))["query_string"] == "x=é&y=漢".encode()


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/a/b.c-d_e~f", b"/a/b.c-d_e~f"),
        ("/:@!$&'()*+,;=", b"/:@!$&'()*+,;="),
        ('/ "%?#[]', b"/%20%22%25%3F%23%5B%5D"),
        ("/é\n", b"/%C3%A9%0A"),
        ("*", b"*"),
    ],
)
async def test_raw_path_is_rebuilt(path: str, raw: bytes) -> None:
    scope = await scope_of(path=path)
    assert (scope["path"], scope["raw_path"]) == (path, raw)


async def test_root_path_is_a_part_of_the_path() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    await serve(app, scope=rsgi_scope(path="/x"), root_path="/r é")
    assert (seen["path"], seen["root_path"], seen["raw_path"]) == ("/r é/x", "/r é", b"/r%20%C3%A9/x")


async def test_each_request_has_dictionaries_of_its_own() -> None:
    first, second = await scope_of(), await scope_of()
    for key in ("asgi", "state", "extensions", "headers"):
        assert first[key] is not second[key]


async def test_scope_through_an_asgi_server() -> None:
    """RSGI apps run there by from_rsgi: no byte of a query is lost, and files are the app's to send."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send(START)
        await send(BODY)

    async def nothing(*messages: Any) -> Any:
        return {"type": "http.request"}

    query = b"x=\xff&y=" + "é".encode()
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": []}
    await from_rsgi(from_asgi(app))(scope, nothing, nothing)
    assert (seen["query_string"], seen["extensions"]) == (query, {})


# -- http.disconnect --


async def test_receive_is_told_when_the_response_is_complete() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        waiting = [asyncio.create_task(receive()) for _ in range(3)]
        await asyncio.sleep(0)
        await send(START)
        await send(BODY)
        seen.extend([*await asyncio.gather(*waiting), await receive()])

    await serve(app)
    assert seen == [{"type": "http.request", "body": b"", "more_body": False}, *[DISCONNECT] * 4]


async def test_a_receive_of_the_body_is_told_when_the_response_is_complete() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((await receive())["body"])
        waiting = [asyncio.create_task(receive()) for _ in range(2)]
        await asyncio.sleep(0)
        await send(START)
        await send(BODY)
        seen.extend(await asyncio.gather(*waiting))

    await serve(app, Protocol(b"begun", asyncio.Event()))
    assert seen == [b"begun", DISCONNECT, DISCONNECT]


async def test_a_client_that_leaves_while_a_response_streams() -> None:
    """Starlette cancels the stream at once, though its source never gives another chunk."""
    protocol = Protocol()
    ended: list[str] = []

    async def source() -> Any:
        try:
            yield b"begun"
            protocol.left.set()
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    await serve(StreamingResponse(source()), protocol)
    assert ended == ["cancelled"] and protocol.chunks == [b"begun"]
    assert not protocol.streaming


async def test_a_stream_that_cannot_be_sent_tells_of_the_client() -> None:
    """As over HTTP/2, where the server tells of the connection's end only."""
    protocol = Protocol()

    async def never(self: Any) -> None:
        await asyncio.Event().wait()

    protocol.client_disconnect = never.__get__(protocol)
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        watching = asyncio.create_task(receive())
        await send(START)
        await send({**BODY, "body": b"1", "more_body": True})
        await asyncio.sleep(0)
        protocol.left.set()
        await send({**BODY, "body": b"2", "more_body": True})
        seen.append(await watching)
        await send({**BODY, "body": b"3"})

    await serve(app, protocol)
    assert (seen, protocol.chunks) == ([DISCONNECT], [b"1"])


async def test_a_failed_read_of_the_body_is_a_disconnect() -> None:
    from anysocket_rsgi._errors import ProtocolClosed

    class Broken(Protocol):
        async def __anext__(self) -> bytes:
            raise ProtocolClosed("the client left")

    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive()])

    await serve(app, Broken())
    assert seen == [DISCONNECT, DISCONNECT]


async def test_an_endless_stream_leaves_others_their_turn() -> None:
    """RSGI takes everything at once; sent to nobody, too, it must not hold the process."""
    protocol = Protocol()
    turns = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        leaving = asyncio.create_task(receive())
        await send(START)
        while not leaving.done():
            await send({**BODY, "body": b"x" * 1024, "more_body": True})
        await send(BODY)

    async def others() -> None:
        nonlocal turns
        while turns < 20:
            turns += 1
            await asyncio.sleep(0)
        protocol.left.set()

    await asyncio.gather(serve(app, protocol), others())
    assert turns == 20


async def test_nothing_is_left_of_a_request() -> None:
    """Neither a task, nor the protocol object, which holds the connection."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waiting = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(START)
        await send(BODY)
        await waiting

    before = asyncio.all_tasks()
    await serve(app, Protocol(b"1", asyncio.Event()))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Protocol)]


# -- files --


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "é file.txt"
    path.write_bytes(b"content")
    return path


def sends_file(path: object, *after: dict[str, Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["extensions"] == {"http.response.pathsend": {}}
        await send({**START, "status": 201, "headers": [(b"content-length", b"7")]})
        await send({"type": "http.response.pathsend", "path": path})
        for message in after:
            await send(message)

    return app


async def test_a_file_is_sent_by_the_server(file: Path) -> None:
    protocol = await serve(sends_file(str(file)))
    assert protocol.responses == [(201, [("content-length", "7")], "file", str(file))]


async def test_a_file_in_answer_to_head(file: Path) -> None:
    protocol = await serve(sends_file(str(file)), scope=rsgi_scope("HEAD"))
    assert protocol.responses == [(201, [("content-length", "7")])]


@pytest.mark.parametrize("what", ["nothing", "folder", "pipe"])
async def test_a_file_that_cannot_be_sent_is_the_apps_to_hear_of(
    what: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    protocol = await serve(sends_file(str(path)))
    assert protocol.responses == [ERROR]
    assert what in caplog.text and "Error" in caplog.text


async def test_nothing_follows_a_file(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    protocol = await serve(sends_file(str(file), BODY))
    assert len(protocol.responses) == 1
    assert "after the response was complete" in caplog.text


async def test_no_file_within_a_stream(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "body": b"1", "more_body": True})
        await send({"type": "http.response.pathsend", "path": str(file)})

    protocol = await serve(app)
    assert (protocol.responses, protocol.chunks) == ([(200, [], "stream")], [b"1"])
    assert "pathsend" in caplog.text


async def test_starlette_uses_it_where_it_is_offered(file: Path) -> None:
    protocol = await serve(FileResponse(file))
    assert protocol.responses[0][2:] == ("file", str(file))
    protocol = await serve(FileResponse(file), pathsend=False)
    assert protocol.responses[0][2] == b"content"


# -- headers --


async def sent_value(value: bytes) -> list[tuple[str, str]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"x-a", value), (b"X-B", b"tab\tand space")]})
        await send(BODY)

    ((status, headers, body),) = (await serve(app)).responses
    assert (status, headers.pop(), body) == (200, ("x-b", "tab\tand space"), b"")
    return list(headers)


@pytest.mark.parametrize("value", [b"\x01", b"\x7f", b"\x1fcaf\xe9"])
async def test_value_that_granian_cannot_write_is_left_out_with_a_warning(
    value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert await sent_value(value) == []
    assert "'x-a' left out" in caplog.text


@pytest.mark.parametrize("text", ["é", "€ and 漢", "\x85"])
async def test_value_that_is_utf_8_is_sent_as_it_is(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """RSGI's str goes out as UTF-8."""
    assert await sent_value(text.encode()) == [("x-a", text)]
    assert not caplog.records


async def test_value_of_other_bytes_is_sent_as_utf_8_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert await sent_value(b"caf\xe9") == [("x-a", "café")]
    assert "'x-a' sent as UTF-8" in caplog.text


async def test_the_start_waits_for_the_body() -> None:
    """ASGI HTTP, "Response Start"; and so one call can do for both."""
    protocol = Protocol()
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        seen.append(len(protocol.responses))
        await send({**BODY, "more_body": True})
        seen.append(len(protocol.responses))
        await send(BODY)

    await serve(app, protocol)
    assert seen == [0, 1]


async def test_trailers_are_not_sent(caplog: pytest.LogCaptureFixture) -> None:
    """The response is complete without them, and the app hears that it has no such extension."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert "http.response.trailers" not in scope["extensions"]
        await send({**START, "trailers": True})
        await send({"type": "http.response.body", "body": b"whole"})
        await send({"type": "http.response.trailers", "headers": [(b"x-a", b"1")]})

    assert [response[2] for response in (await serve(app)).responses] == [b"whole"]
    assert "'http.response.trailers' after the response was complete" in caplog.text


@pytest.mark.parametrize("missing", [{}, {"headers": ()}])
async def test_a_start_without_headers(missing: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, **missing})
        await send({"type": "http.response.body"})

    assert (await serve(app)).responses == [(200, [], b"")]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_bytes_of_other_types(kind: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(kind(b"x-a"), kind(b"1"))]})
        await send({**BODY, "body": kind(b"body")})

    assert (await serve(app)).responses == [(200, [("x-a", "1")], b"body")]


# -- failures --


async def test_an_app_that_fails_in_mid_stream_ends_it_there(caplog: pytest.LogCaptureFixture) -> None:
    """A loss: RSGI cannot cut a response short."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({**BODY, "body": b"begun", "more_body": True})
        raise ZeroDivisionError("secret") from KeyError("its cause")

    protocol = await serve(app, scope=rsgi_scope(path="/a\nb"))
    assert (protocol.responses, protocol.chunks) == ([(200, [], "stream")], [b"begun"])
    assert not protocol.streaming
    for said in ("GET /a%0Ab", "ZeroDivisionError: secret", "its cause"):
        assert said in caplog.text


async def test_a_client_that_left_needs_no_response(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == DISCONNECT

    await serve(app, Protocol(b""), rsgi_scope(headers={"content-length": "5"}))
    assert not caplog.records


async def test_to_an_asgi_server_it_is_the_app():
    """uvicorn takes what is no coroutine function for ASGI 2."""
    called = []

    async def asgi(*arguments: Any) -> None:
        called.append(arguments)

    app = from_asgi(asgi)
    assert inspect.iscoroutinefunction(app.__call__)
    await app({"type": "http"}, nothing := object(), nothing)
    assert called == [({"type": "http"}, nothing, nothing)]
