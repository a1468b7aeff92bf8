"""WebSockets of an RSGI app on ASGI servers: each call of its protocol, and every end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from told import key, told

from anysocket import Capability
from anysocket.testing import Refused

APPS = Path(__file__).parent / "apps"
SERVERS = ("uvicorn-sansio", "uvicorn-wsproto", "uvicorn-legacy", "hypercorn", "daphne", "testclient")
CLOSED, ERROR = "RSGIProtocolClosed", "RSGIProtocolError"

pytestmark = pytest.mark.servers(*SERVERS)


@pytest.fixture
def running(serve):
    return serve("raw_rsgi:app", APPS)


async def refusal(running: Any, path: str) -> int:
    with pytest.raises(Refused) as refused:
        async with running.connect(path):
            pass
    return refused.value.status


# -- the handshake --


async def test_scope(running):
    headers = [("x-a", "1"), ("X-A", "2")]
    async with running.connect("/scope?x", headers=headers, subprotocols=["chat", "v2"]) as peer:
        proto, scheme, method, path, values, offers = await peer.receive_json()
    assert (proto, scheme, method, path) == ("ws", "http", "GET", "/scope")
    assert ",".join(values).replace(" ", "") == "1,2"  # Daphne joins what has one name.
    assert [offer.strip() for offer in offers.split(",")] == ["chat", "v2"]


@pytest.mark.parametrize("status", [401, 403, 404, 503, None])
async def test_refusal_has_the_status_where_the_server_can(running, server, status):
    seen = await refusal(running, f"/refuses?{status or ''}")
    assert seen == ((status or 403) if server.denial_status else 403)


async def test_after_a_refusal_there_is_no_accept(running):
    name = f"404.{key()}"
    await refusal(running, f"/refuses?{name}")
    assert await told(running, name) == [ERROR]


async def test_refusal_with_what_is_no_status(running):
    """It would end Granian's process. The app has given no answer then."""
    name = key()
    assert await refusal(running, f"/refuses-badly?{name}") == 403
    assert await told(running, name) == ["ValueError", "ValueError"]


async def test_no_answer(running):
    assert await refusal(running, "/returns-unanswered") == 403
    await running.logged("without an answer to the WebSocket to '/returns-unanswered'")


@pytest.mark.not_on("testclient", reason="the exception comes out of it: test_from_rsgi_testclient.py")
async def test_exception_before_the_answer(running):
    assert await refusal(running, "/raises-unanswered") == 403
    await running.logged("LookupError: before accept")


# -- messages --


async def test_echo(running, server):
    async with running.connect("/echo") as peer:
        for data in ("text", b"bytes", "grüße", b"\x00\xff", "x" * 70_000):
            await peer.send(data)
            assert (await peer.receive()).data == data


@pytest.mark.not_on("daphne", reason="it drops empty messages")
async def test_empty_messages(running):
    async with running.connect("/echo") as peer:
        await peer.send_text("")
        assert (await peer.receive_text()) == ""
        await peer.send_bytes(b"")
        assert (await peer.receive_bytes()) == b""


async def test_messages_that_came_while_the_app_did_not_read(running):
    async with running.connect("/sleeps-then-reads") as peer:
        assert await peer.receive_text() == "open"
        for data in ("1", "2", "3"):
            await peer.send_text(data)
        assert await peer.receive_json() == ["1", "2", "3"]


async def test_misuse(running):
    async with running.connect("/misuse") as peer:
        assert await peer.receive_json() == [ERROR, ERROR, "TypeError", "TypeError"]
        await peer.send_text("still here")
        assert await peer.receive_text() == "still here"


async def test_receive_that_is_given_up(running):
    async with running.connect("/gives-up-receives") as peer:
        assert await peer.receive_text() == "given up"
        await peer.send_text("the next")
        assert await peer.receive_text() == "the next"


# -- the app's close --


@pytest.mark.parametrize(
    ("given", "code"), [(None, 1000), (1000, 1000), (4001, 4001), (1008, 1008), (403, 1000), (1005, 1000)]
)
async def test_close_after_accept(running, server, given, code):
    """A number that is no close code is well on Granian, which sends none."""
    name = f"{given or ''}.{key()}"
    async with running.connect(f"/closes?{name}") as peer:
        assert (await peer.receive_close()).code == server.expected_close(code)[0]
    assert await told(running, name) == [ERROR]


async def test_return_closes(running):
    async with running.connect("/returns") as peer:
        assert (await peer.receive_close()).code == 1000


@pytest.mark.not_on("testclient", reason="the exception comes out of it: test_from_rsgi_testclient.py")
async def test_exception_closes(running, server):
    async with running.connect("/raises") as peer:
        assert (await peer.receive_close()).code == server.expected_close(1011)[0]
    await running.logged("LookupError: after accept")


@pytest.mark.not_on("testclient", reason="there is no answer to a close, and no receive after one")
async def test_receiving_goes_on_after_the_close_until_the_peers(running):
    name = key()
    async with running.connect(f"/closes-and-reads-on?{name}") as peer:
        await peer.send_text("go")
        await peer.receive_close()
        assert await told(running, name) == [0]


# -- the peer's end --


async def test_close_of_the_peer(running):
    """Kind 0 without data, once."""
    name = key()
    async with running.connect(f"/echo?{name}") as peer:
        await peer.close(4000, "bye")
    assert await told(running, name) == [0, False, CLOSED]


@pytest.mark.needs("process")
@pytest.mark.parametrize("how", ["abort", "hang_up"])
async def test_lost_peer(running, server, how):
    """Where the server tells it from a close."""
    name = key()
    async with running.connect(f"/waits?{name}") as peer:
        await peer.receive_text()
        await getattr(peer, how)()
        lost = Capability.LOST_IS_1006 in server.capabilities
        assert await told(running, name) == [CLOSED if lost else 0, CLOSED]


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_sender_is_told_of_the_end(running, server, how):
    """Also on servers whose sends say nothing, and behind messages that it does not read."""
    name = key()
    async with running.connect(f"/only-sends?{name}") as peer:
        await peer.receive_text()
        for _ in range(5):
            await peer.send_bytes(b"x" * 50_000)
        await getattr(peer, how)()
        assert await told(running, name) == [CLOSED, True]


async def test_end_that_the_app_lets_through_is_no_error(running):
    async with running.connect("/lets-the-end-through") as peer:
        await peer.receive_text()
        await peer.close()
    async with running.connect("/echo") as peer, asyncio.timeout(5):
        await peer.send_text("x")
        assert await peer.receive_text() == "x"
    assert "Traceback" not in running.log()
