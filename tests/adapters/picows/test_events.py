"""An app that knows nothing of anysocket, through ASGI's events."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from anysocket.testing import Refused
from anysocket_servers import CLOSE, TEXT, Handshake
from anysocket_servers._handshake import read_answer

APPS = Path(__file__).parent / "apps"
KEYS = itertools.count(1)
TIMEOUT = 10.0
pytestmark = pytest.mark.servers("uvicorn-picows")


@pytest.fixture
def running(serve):
    return serve("starlette_app:app", APPS)


@pytest.fixture
def key() -> str:
    return f"key-{next(KEYS)}"


async def told(running, key):
    """What the handler noted by this key."""
    async with asyncio.timeout(TIMEOUT):
        while (answer := (await running.request("GET", f"/told/{key}")).json()) is None:
            await asyncio.sleep(0.02)
    return answer


@pytest.mark.parametrize("message", ["hello", "", "ü" * 70_000, b"bytes", b"", bytes(1 << 20)])
async def test_messages_of_every_kind(running, message):
    async with running.connect("/echo") as peer:
        await peer.send(message)
        assert (await peer.receive()).data == message


async def test_the_handshake_carries_subprotocol_and_headers(running):
    async with running.connect("/echo", subprotocols=["soap", "chat"]) as peer:
        assert peer.subprotocol == "chat"
        assert peer.response_headers.get("x-own") == "yes"
        assert peer.response_headers.get("server") == "uvicorn"


async def test_the_scope_is_as_uvicorns_own(running):
    async with running.connect("/scope?a=1") as peer:
        scope = await peer.receive_json()
        closed = await peer.receive_close()
    assert (scope["type"], scope["scheme"], scope["http_version"]) == ("'websocket'", "'ws'", "'1.1'")
    assert (scope["path"], scope["query_string"]) == ("'/scope'", "b'a=1'")
    assert scope["client"].startswith("('127.0.0.1', ")
    assert (closed.code, closed.reason) == (4000, "told")


async def test_a_close_of_the_peer_is_told(running, key):
    async with running.connect(f"/echo?key={key}") as peer:
        await peer.close(4001, "tschüss")
    assert await told(running, key) == [4001, "tschüss"]


async def test_a_close_without_a_code_is_told(running, key):
    async with running.frames() as client:
        await client.upgrade(Handshake(f"/echo?key={key}"))
        client.send(CLOSE)
        assert await client.receive() == (CLOSE, b"")
        await client.ended()
    assert await told(running, key) == [1005, ""]


@pytest.mark.parametrize("size", [1, 200_000])
async def test_what_comes_before_the_answer_is_not_lost(running, key, size):
    async with running.frames() as client:
        client.write(client.request(Handshake(f"/late?key={key}")))
        assert await told(running, key) == ["waiting"]
        client.send(TEXT, b"x" * size)
        client.send(TEXT, b"last")
        await running.request("GET", f"/go/{key}")
        assert (await read_answer(client.stream)).accepted
        assert await client.receive() == (TEXT, b"x" * size)
        assert await client.receive() == (TEXT, b"last")


async def test_who_leaves_before_the_answer_is_told(running, key):
    async with running.frames() as client:
        client.write(client.request(Handshake(f"/late?key={key}")))
        assert await told(running, key) == ["waiting"]
        client.reset()
    await running.request("GET", f"/go/{key}")
    assert await told(running, f"{key}-gone") == ["ClientDisconnected"]


async def test_a_lost_peer_is_told(running, key):
    async with running.connect(f"/echo?key={key}") as peer:
        await peer.abort()
    assert await told(running, key) == [1006, ""]


async def test_a_send_after_the_end_fails(running, key):
    async with running.connect(f"/late-send?key={key}") as peer:
        await peer.close()
    assert await told(running, key) == [1006]


async def test_a_slow_peer_is_waited_for(running, key):
    async with running.connect(f"/flood?key={key}") as peer:
        peer.pause_reading()
        [count] = await told(running, key)
        await peer.abort()
    assert count < 1000


async def test_a_refusal_has_status_headers_and_body(running):
    with pytest.raises(Refused) as refused:
        async with running.connect("/refuse"):
            pass
    assert (refused.value.status, refused.value.headers.get("retry-after")) == (503, "7")
    assert refused.value.body == b'{"why":"full"}'


@pytest.mark.parametrize(
    ("path", "status", "log"),
    [
        ("/close-early", 403, "403"),
        ("/leave", 500, "ASGI callable returned without completing handshake."),
        ("/fail", 500, "ZeroDivisionError: before"),
    ],
)
async def test_what_is_no_acceptance_is_a_refusal(running, path, status, log):
    with pytest.raises(Refused) as refused:
        async with running.connect(path):
            pass
    assert refused.value.status == status
    await running.logged(log)


@pytest.mark.parametrize(("path", "code"), [("/leave-later", 1000), ("/fail-later", 1011)])
async def test_an_app_that_leaves_a_connection_open(running, path, code):
    async with running.connect(path) as peer:
        assert (await peer.receive_close()).code == code


async def test_an_unknown_path_is_refused(running):
    with pytest.raises(Refused) as refused:
        async with running.connect("/nowhere"):
            pass
    assert refused.value.status == 403
