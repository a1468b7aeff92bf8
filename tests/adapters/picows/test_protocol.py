"""The implementation under uvicorn, as a process: who gets the transport, and what uvicorn's settings do."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from anysocket.testing import Refused
from anysocket_servers import CLOSE, PING, TEXT, Handshake
from anysocket_servers._handshake import read_answer

APPS = Path(__file__).parent / "apps"
everywhere = pytest.mark.servers(
    "uvicorn-picows", "uvicorn-picows-uvloop", "uvicorn-picows-tls", "uvicorn-picows-unix"
)
alone = pytest.mark.servers("uvicorn-picows")
DIRECT, STARLETTE = "direct_app:app", "starlette_app:app"


@everywhere
async def test_an_app_gets_the_transport_itself(serve, server):
    scheme = "wss" if server.transport == "tls" else "ws"
    client = None if server.transport == "unix" else "127.0.0.1"
    async with serve(DIRECT, APPS).connect("/transport") as peer:
        assert await peer.receive_json() == ["PicowsTransport", scheme, client]
        for message in ("ü", "", "x" * 100_000):
            await peer.send_text(message)
            assert await peer.receive_text() == message


@everywhere
async def test_a_handler_that_was_busy_hears_on(serve):
    async with serve(DIRECT, APPS).connect("/busy") as peer:
        for text in ("first", "second", "third"):
            await peer.send_text(text)
            assert await peer.receive_text() == text


@alone
async def test_a_middleware_in_between_sees_the_events(serve):
    async with serve("direct_app:wrapped", APPS).connect("/transport") as peer:
        assert (await peer.receive_json())[0] == "ASGITransport"


@alone
async def test_what_trusted_proxies_tell_is_believed(serve):
    headers = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "wss")]
    async with serve(DIRECT, APPS).connect("/transport", headers=headers) as peer:
        assert await peer.receive_json() == ["PicowsTransport", "wss", "192.0.2.7"]


@alone
async def test_what_uvicorn_logs(serve):
    running = serve(STARLETTE, APPS)
    async with running.connect("/echo?a=1"):
        await running.logged('"WebSocket /echo?a=1" [accepted]')
    with pytest.raises(Refused):
        async with running.connect("/close-early"):
            pass
    await running.logged('"WebSocket /close-early" 403')


@alone
async def test_a_root_path_is_part_of_the_path(serve):
    running = serve(STARLETTE, APPS, arguments=("--root-path", "/below"))
    async with running.connect("/scope?a=%20b") as peer:
        told = await peer.receive_json()
    assert (told["path"], told["raw_path"]) == ("'/below/scope'", "b'/below/scope'")
    assert (told["root_path"], told["query_string"]) == ("'/below'", "b'a=%20b'")


@alone
@pytest.mark.parametrize("fragments", [1, 4])
async def test_messages_above_uvicorns_limit(serve, fragments):
    running = serve(STARLETTE, APPS, arguments=("--ws-max-size", "1000"))
    async with running.connect("/echo") as peer:
        await peer.send_text("x" * 1000)
        assert len(await peer.receive_text()) == 1000
    async with running.frames() as client:
        await client.upgrade(Handshake("/echo"))
        for number in range(fragments):
            client.send(0 if number else TEXT, b"x" * (1001 // fragments + 1), final=number == fragments - 1)
        opcode, payload = await client.receive()
        assert (opcode, payload[:2]) == (CLOSE, (1009).to_bytes(2))
        await client.ended()


@alone
async def test_a_peer_that_answers_no_pings_is_closed(serve):
    settings = ("--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.2")
    async with serve(STARLETTE, APPS, arguments=settings).frames() as client:
        await client.upgrade(Handshake("/echo"))
        assert (await client.receive())[0] == PING
        assert await client.receive() == (CLOSE, (1011).to_bytes(2) + b"keepalive ping timeout")
        await client.ended()


@alone
async def test_a_peer_that_answers_pings_stays(serve):
    settings = ("--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.2")
    async with serve(STARLETTE, APPS, arguments=settings).connect("/echo") as peer:
        await peer.receive_nothing(1)
        await peer.send_text("still here")
        assert await peer.receive_text() == "still here"


@alone
async def test_a_handshake_whose_connection_header_has_more(serve):
    """As Firefox sends it; picows itself would refuse it."""
    async with serve(STARLETTE, APPS).frames() as client:
        request = client.request(Handshake("/echo"))
        client.write(request.replace(b"connection: Upgrade", b"connection: keep-alive, Upgrade"))
        assert (await read_answer(client.stream)).accepted


@alone
async def test_at_its_end_uvicorn_closes_what_is_open(start_server):
    running = start_server(STARLETTE, APPS)
    async with running.connect("/echo") as peer:
        await peer.send_text("x")
        await peer.receive_text()
        running.process.send_signal(signal.SIGTERM)
        assert (await peer.receive_close()).code == 1012
    async with asyncio.timeout(10):
        await running.ended()
