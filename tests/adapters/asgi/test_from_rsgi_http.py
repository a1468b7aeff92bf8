"""HTTP of an RSGI app on ASGI servers: each call of its protocol, and what faulty apps and clients do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from told import key, told

APPS = Path(__file__).parent / "apps"
SERVERS = ("uvicorn-sansio", "hypercorn", "daphne", "testclient")

pytestmark = pytest.mark.servers(*SERVERS)


@pytest.fixture
def running(serve):
    return serve("raw_rsgi:app", APPS)


async def get(running: Any, path: str) -> Any:
    return await running.request("GET", path)


# -- the request --


async def test_scope(running, server):
    response = await running.request("GET", "/scope?a=%C3%A9&b", headers=[("x-a", "1"), ("X-A", "2")])
    seen = response.json()
    headers = seen.pop("headers")
    client, address = seen.pop("client"), seen.pop("server")
    assert seen == {
        "proto": "http",
        "rsgi_version": "1.6",
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": "/scope",
        "query_string": "a=%C3%A9&b",
        "authority": None,
    }
    # Daphne joins what has one name (RFC 9110 section 5.3).
    values = [value for name, value in headers if name == "x-a"]
    assert values in (["1", "2"], ["1,2"])
    if server.process:
        assert address == f"127.0.0.1:{running.port}"
        assert client.startswith("127.0.0.1:")
    else:
        assert (client, address) == ("testclient:50000", "testserver:80")


async def test_whole_body_once(running):
    response = await running.request("POST", "/body", body=b"hello")
    assert response.json() == ["hello", "RSGIProtocolError", "RSGIProtocolError"]


async def test_no_body(running):
    assert (await get(running, "/body")).json()[0] == ""


async def test_body_in_chunks(running):
    response = await running.request("POST", "/chunks", body=b"x" * 300_000)
    assert response.json() == [300_000, ["bytes"], "RSGIProtocolError"]


async def test_body_and_the_clients_end_are_waited_for_at_the_same_time(running):
    response = await running.request("POST", "/disconnect-and-body", body=b"x" * 300_000)
    assert response.json() == [300_000, False]


# -- the response --


async def test_empty(running):
    response = await get(running, "/empty")
    assert (response.status, response.body, response.headers["x-kind"]) == (201, b"", "empty")
    assert response.headers["content-length"] == "0"


async def test_text(running):
    response = await get(running, "/text")
    assert (response.status, response.text) == (202, "grüße")
    assert response.headers["content-length"] == str(len("grüße".encode()))
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_bytes(running):
    assert (await get(running, "/bytes")).body == b"\x00\xff"


@pytest.mark.parametrize("status", [200, 204, 304, 404, 503])
async def test_status(running, status):
    response = await get(running, f"/status?{status}")
    assert (response.status, response.body) == (status, b"" if status in (204, 304) else b"body")


@pytest.mark.parametrize(("path", "length"), [("/status?200", "4"), ("/text", "7"), ("/file", None)])
async def test_head(running, path, length):
    response = await running.request("HEAD", path)
    assert response.body == b""
    assert response.headers.get("content-length") == length


async def test_file(running):
    response = await get(running, "/file")
    assert (response.status, response.text, response.headers["x-kind"]) == (200, "0123456789", "file")


@pytest.mark.parametrize(("asked", "sent"), [("2-5", "234"), ("8-20", "89"), ("20-30", "")])
async def test_file_range(running, asked, sent):
    """The end is not among it; beyond the file's own there is nothing."""
    response = await get(running, f"/file-range?{asked}")
    assert (response.status, response.text) == (206, sent)


async def test_missing_file(running):
    response = await get(running, "/missing-file")
    assert (response.status, response.text) == (404, "Not found")
    assert "cannot be opened" in await running.logged("served.txt.missing")


async def test_stream(running):
    response = await get(running, "/stream")
    assert (response.status, response.text) == (200, "grüße and bytes")


@pytest.mark.parametrize(
    ("path", "body"),
    [("/freed-stream", "all of it"), ("/responds-then-works", "before the work")],
)
async def test_response_is_complete_while_the_app_goes_on(running, server, path, body):
    if server.name == "testclient":
        pytest.skip("a response of TestClient is complete when the app has returned")
    response = await get(running, f"{path}?{key()}")
    assert response.text == body
    assert "released" not in running.log().partition(body)[2]
    await get(running, "/release")
    await running.logged('["released"]')


async def test_stream_that_is_handed_on(running):
    assert (await get(running, "/handed-on-stream")).text == "from elsewhere"


@pytest.mark.not_on("testclient", reason="its responses cannot hold such a header")
async def test_headers_that_cannot_be_sent_are_left_out(running):
    response = await get(running, "/illegal-headers")
    assert (response.status, response.text) == (200, "ok")
    assert "x-split" not in response.headers and "set-cookie" not in response.headers
    raw = {name.lower(): value for name, value in response.headers.raw}
    assert (raw[b"x-latin"], raw[b"x-wide"]) == ("é".encode(), "€".encode())
    assert "x-split" in running.log()


# -- faulty apps --


async def test_second_response_is_logged_and_ignored(running):
    """As on Granian, where apps do it unnoticed; it has an error only for a stream."""
    name = key()
    response = await get(running, f"/twice?{name}")
    assert (response.status, response.text) == (200, "first")
    assert await told(running, name) == ["RSGIProtocolError"]
    assert "a second response to GET '/twice' is ignored" in running.log()


async def test_no_response(running):
    assert (await get(running, "/none")).status == 500
    assert "without a response to GET '/none'" in running.log()


async def test_exception_before_the_response(running):
    assert (await get(running, "/raises")).status == 500
    await running.logged("LookupError: before the response")


async def test_exception_after_the_response(running):
    response = await get(running, "/raises-after")
    assert (response.status, response.text) == (200, "stands")
    await running.logged("LookupError: after the response")


@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_exception_in_a_stream_breaks_it_off(running):
    """It must not look complete, but for Daphne, which ends it with its own page of the error."""
    status, body, complete = await raw_get(running, "/raises-in-stream")
    assert (status, body) == (200, b"begun")
    assert not complete
    await running.logged("LookupError: in the stream")


async def test_misuse(running):
    seen = (await get(running, "/misuse")).json()
    assert seen[:6] == ["TypeError"] * 2 + ["ValueError"] * 2 + ["TypeError", "ValueError"]
    assert seen[6:] == ["TypeError", "TypeError", None, "RSGIProtocolError"]


# -- clients that leave --


@contextlib.asynccontextmanager
async def socket_to(running: Any, request: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection of one request. Leaving it, the client leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        async with asyncio.timeout(10):
            writer.write(request)
            await writer.drain()
            yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def raw_get(running: Any, path: str) -> tuple[int, bytes, bool]:
    """Status, body, and whether the response came to its end; over HTTP/1.1 with chunks."""
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
    async with socket_to(running, request) as reader:
        head = await reader.readuntil(b"\r\n\r\n")
        rest = await reader.read()
    assert b"chunked" in head.lower()
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            return int(head.split()[1]), body, True
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return int(head.split()[1]), body, False


@pytest.mark.servers("uvicorn-sansio", "hypercorn", "daphne")
async def test_client_disconnect(running):
    name = key()
    async with socket_to(running, f"GET /disconnect?{name} HTTP/1.1\r\nhost: x\r\n\r\n".encode()):
        assert await told(running, name) == ["waiting"]
    assert await told(running, name, 2) == ["left"]


@pytest.mark.servers("uvicorn-sansio", "hypercorn", "daphne")
async def test_endless_stream_ends_with_its_client(running):
    name = key()
    request = f"GET /endless?{name} HTTP/1.1\r\nhost: x\r\n\r\n".encode()
    async with socket_to(running, request) as reader:
        await reader.readuntil(b"\r\n\r\n")
    assert await told(running, name) == ["RSGIProtocolClosed", "RSGIProtocolClosed"]
    assert "Exception in ASGI application" not in running.log()


@pytest.mark.servers("uvicorn-sansio", "hypercorn", "daphne")
@pytest.mark.fails_on("daphne", reason="it keeps the head until the first chunk")
async def test_head_of_a_stream_comes_before_its_first_chunk(running):
    async with socket_to(running, b"GET /head-first HTTP/1.1\r\nhost: x\r\n\r\n") as reader:
        async with asyncio.timeout(1):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")


@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_body_that_the_client_cuts(running):
    """Daphne calls the app when the body is whole."""
    for path, seen in (("/cut", []), ("/cut-chunks", [3])):
        name = key()
        request = f"POST {path}?{name} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc".encode()
        async with socket_to(running, request):
            # Served before the end, if the next connection is.
            assert (await get(running, "/bytes")).status == 200
        assert await told(running, name) == [*seen, "RSGIProtocolClosed"]
