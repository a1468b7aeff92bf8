"""The same peer over HTTP/2, TLS, a unix socket and IPv6, and in this process, to real servers."""

from __future__ import annotations

import asyncio
import itertools
import socket
from pathlib import Path

import pytest
from served_app import CHUNK, CHUNKS

from anysocket import ConnectionClosed
from anysocket.testing import Refused
from anysocket_servers import (
    BINARY,
    BY_NAME,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Handshake,
    ProcessRunning,
    launch,
)

APPS = Path(__file__).parent / "apps"
MIB = 1 << 20
SOON = 0.3
KEYS = itertools.count(1)
HTTP2 = "hypercorn-http2"

everywhere = pytest.mark.servers(
    "granian-rsgi-tls", "granian-rsgi-unix", "uvicorn-sansio", "hypercorn-tls", HTTP2, "testclient", "memory"
)
over_sockets = pytest.mark.servers("granian-rsgi-tls", "granian-rsgi-unix", "uvicorn-sansio", HTTP2)


@pytest.fixture
def running(serve):
    return serve("served_app:app", APPS)


@pytest.fixture
def key() -> str:
    return f"key-{next(KEYS)}"


async def fact(running, key):
    return (await running.request("GET", f"/facts/{key}")).json()["fact"]


# -- the handshake --


@everywhere
async def test_app_sees_what_the_peer_asked_for(running, server):
    headers = [("x-many", "one"), ("X-Many", "two")]
    async with running.connect("/scope?a=1", headers=headers, origin=running.url) as peer:
        scope = await peer.receive_json()
    assert scope["scheme"] == ("wss" if server.transport == "tls" else "ws")
    assert scope["http_version"] == server.http_version
    assert scope["url"] == f"{running.websocket_url}/scope?a=1"
    many = [value for name, value in scope["headers"] if name == "x-many"]
    assert ",".join(many).replace(", ", ",") == "one,two"


@pytest.mark.servers("uvicorn-sansio", HTTP2, "testclient", "memory")
async def test_peer_sees_what_the_app_agreed_to(running):
    async with running.connect("/agree", subprotocols=["soap", "chat"]) as peer:
        assert peer.subprotocol == "chat"
        assert peer.response_headers.get("x-one") == "1"
        assert peer.response_headers.getlist("set-cookie") == ["a=1", "b=2"]


@pytest.mark.servers("uvicorn-sansio", "hypercorn-tls", HTTP2, "testclient", "memory")
async def test_refusal_has_status_headers_and_body(running):
    with pytest.raises(Refused) as refused:
        async with running.connect("/refuse"):
            pass
    assert (refused.value.status, refused.value.headers.get("retry-after")) == (429, "7")
    assert refused.value.body == b"slow down " * 5000


@pytest.mark.servers("granian-rsgi", HTTP2, "testclient", "memory")
async def test_handshake_without_an_answer_fails_in_time(running):
    with pytest.raises(AssertionError, match=r"handshake was not answered|expected accept\(\) or deny\(\)"):
        async with running.connect("/hang", timeout=SOON):
            pass


# -- messages --


@everywhere
@pytest.mark.parametrize("size", [0, 1, 70_000, MIB])
async def test_messages_of_every_size_and_kind(running, size):
    async with running.connect("/echo") as peer:
        await peer.send_text("ü" * (size // 2))
        assert await peer.receive_text() == "ü" * (size // 2)
        await peer.send_bytes(b"\xff" * size)
        assert await peer.receive_bytes() == b"\xff" * size


@everywhere
async def test_many_messages_keep_their_order(running):
    async with running.connect("/echo") as peer:
        for number in range(10):
            await peer.send_json(number)
        assert [await peer.receive_json() for _ in range(10)] == list(range(10))


@over_sockets
async def test_ping_is_answered(running):
    async with running.connect("/echo") as peer:
        for _ in range(3):
            await peer.ping()


@over_sockets
async def test_frames_by_hand(running):
    async with running.frames() as client:
        assert (await client.upgrade(Handshake("/echo"))).accepted
        client.send(TEXT, b"one ", final=False)
        client.send(PING, b"here?")
        client.send(CONTINUATION, b"two")
        assert [await client.receive(), await client.receive()] == [(PONG, b"here?"), (TEXT, b"one two")]
        client.send(BINARY, bytes(70_000))
        assert await client.receive() == (BINARY, bytes(70_000))
        with pytest.raises(TimeoutError):
            await client.receive(0.01)
        client.send(CLOSE, b"\x03\xe8")
        assert await client.receive() == (CLOSE, b"\x03\xe8")
        if running.server.http_version == "1.1":  # Hypercorn leaves the stream of HTTP/2 open.
            await client.ended()
            assert await client.receive() is None


@over_sockets
async def test_refusal_by_hand(running):
    async with running.frames() as client:
        answer = await client.upgrade(Handshake("/refuse"))
    assert (answer.status, answer.accepted) == (429, False)


# -- backpressure --


@pytest.mark.servers("granian-rsgi-tls", "uvicorn-sansio", HTTP2)
async def test_a_peer_that_does_not_read_holds_the_app_back(running, key):
    async with running.connect(f"/flood/{key}") as peer:
        assert 0 < await fact(running, key) < CHUNKS // 2
        for _ in range(CHUNKS):
            assert await peer.receive_bytes() == CHUNK
        assert (await peer.receive_close()).code in (1000, 1005)


@pytest.mark.servers("uvicorn-sansio", "granian-rsgi-unix")
async def test_a_peer_that_pauses_holds_the_app_back(running, key):
    async with running.connect(f"/flood/{key}") as peer:
        await peer.receive_bytes()
        peer.pause_reading()
        assert 0 < await fact(running, key) < CHUNKS // 2
        await peer.abort()


async def send_chunks(peer):
    for _ in range(CHUNKS):
        await peer.send_bytes(CHUNK)


@pytest.mark.servers("granian-rsgi-tls", "uvicorn-sansio", HTTP2)
async def test_an_app_that_does_not_read_holds_the_peer_back(running, key):
    async with running.connect(f"/deaf/{key}", timeout=SOON) as peer:
        with pytest.raises(AssertionError, match="expected the app to take Message"):
            await send_chunks(peer)
        await running.request("POST", f"/facts/{key}")
        await peer.close()
        count = await fact(running, f"{key}-count")
    assert 0 < count < CHUNKS // 2


# -- the end --


@everywhere
@pytest.mark.parametrize("code", [1000, 1001, 4001])
async def test_close_of_the_app(running, server, code):
    async with running.connect(f"/close/{code}") as peer:
        close = await peer.receive_close()
        assert (close.code, close.reason) == server.expected_close(code, "bye")
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert closed.value.by == "peer"


@over_sockets
async def test_close_of_the_peer_is_answered_and_the_connection_ended(running, key):
    async with running.connect(f"/end/{key}") as peer:
        await peer.receive_text()
        await peer.close(4001, "bye")
        await peer.receive_close()
        if running.server.http_version == "1.1":  # Hypercorn leaves the stream of HTTP/2 open.
            await peer.wait_ended()
    code, reason = await fact(running, key)
    assert code in (4001, 1005, 1006) and reason in ("bye", "", "lost")


@everywhere
@pytest.mark.parametrize("how", ["abort", "hang_up"])
async def test_app_is_told_of_a_peer_that_vanished(running, key, how):
    async with running.connect(f"/end/{key}") as peer:
        await peer.receive_text()
        await getattr(peer, how)()
        assert (await fact(running, key))[0] in (1005, 1006)
        with pytest.raises(ConnectionClosed):
            await peer.send_text("too late")


@over_sockets
async def test_reset_by_hand(running, key):
    async with running.frames() as client:
        assert (await client.upgrade(Handshake(f"/end/{key}"))).accepted
        await client.receive()
        client.reset()
    assert (await fact(running, key))[0] in (1005, 1006)


# -- addresses --


def test_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    running = launch(BY_NAME["uvicorn-sansio"], "served_app:app", APPS, host="::1")
    try:
        assert running.url == f"http://[::1]:{running.port}"
        assert asyncio.run(running.request("GET", "/nothing")).status == 404
        asyncio.run(echo_over(running))
    finally:
        running.stop()


async def echo_over(running):
    async with running.connect("/echo", origin=running.url) as peer:
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"


@pytest.mark.servers("granian-rsgi-unix")
def test_unix_socket_is_gone_with_its_server(start_server):
    running = start_server("served_app:app", APPS)
    path = Path(running.endpoint.unix_path)
    assert path.is_socket()
    running.stop()
    assert not path.parent.exists()


@pytest.mark.servers("granian-rsgi-tls")
async def test_certificate_is_checked(running):
    assert isinstance(running, ProcessRunning)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await asyncio.open_connection("127.0.0.1", running.port, ssl=True)
