"""Each limit over real sockets: at the limit and one above, from one address, from many, behind a proxy, with
forged headers, and again after connections have ended in every way (contract 6.7)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from anysocket import Capability
from anysocket.testing import Refused
from anysocket_servers import Server
from contract.limits_app import BURST, IN_ALL, OF_CONNECTION, OF_ROOM, PER_ADDRESS, PROXY

TIMEOUT = 10.0
HEADER = "X-Forwarded-For"

pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt", "uvicorn-sansio", "uvicorn-picows")


@pytest.fixture
def running(start_server):
    """A server of the test's own: what it counts begins with nothing."""
    return start_server("limits_app:app")


Come = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def come(running) -> AsyncIterator[Come]:
    """``await come(path, address, port=…, **headers)``: connect from this address, stay, and give what the
    handler tells. Raises ``InvalidStatus``."""
    async with AsyncExitStack() as stack:

        async def come(path: str, address: str, port: int | None = None, **headers: str) -> dict[str, Any]:
            client = await stack.enter_async_context(
                connect(
                    f"ws://127.0.0.1:{port or running.port}{path}",
                    additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
                    local_addr=(address, 0),
                    proxy=None,
                    open_timeout=TIMEOUT,
                )
            )
            told: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), TIMEOUT))
            return told

        yield come


async def status_for(coming: Awaitable[Any]) -> int:
    """The status of the refusal that must come."""
    with pytest.raises(InvalidStatus) as refused:
        await coming
    return refused.value.response.status_code


def closed_for(server: Server, limit: str) -> tuple[int, str]:
    """How a client sees a close with 1008 for this limit."""
    code, reason = server.expected_close(1008, limit)
    return code, reason


# -- by address --


async def test_one_address_at_the_limit_and_one_above(come: Come) -> None:
    for _ in range(PER_ADDRESS):
        assert (await come("/per-address", "127.0.0.2"))["client"] == "127.0.0.2"
    assert await status_for(come("/per-address", "127.0.0.2")) == 429


async def test_many_addresses_have_a_limit_each(come: Come) -> None:
    addresses = [f"127.0.1.{number}" for number in range(1, 6)]
    for _ in range(PER_ADDRESS):
        for address in addresses:
            assert (await come("/per-address", address))["client"] == address
    for address in addresses:
        assert await status_for(come("/per-address", address)) == 429
    await come("/per-address", "127.0.1.6")


async def test_many_addresses_together_have_the_limit_in_all(come: Come) -> None:
    for number in range(IN_ALL):
        await come("/in-all", f"127.0.2.{number + 1}")
    assert await status_for(come("/in-all", "127.0.2.99")) == 503


async def test_a_forged_header_helps_nobody(come: Come) -> None:
    """It comes straight from the client, which is no proxy."""
    forged: list[dict[str, str]] = [
        {HEADER: "192.0.2.1"},
        {HEADER: PROXY, "Forwarded": "for=192.0.2.2", "X-Real-IP": "192.0.2.2"},
        {HEADER: "192.0.2.3, 192.0.2.4", "X-Forwarded-Proto": "https"},
        {},
    ]
    assert len(forged) == PER_ADDRESS
    for headers in forged:
        told = await come("/per-address", "127.0.0.3", **headers)
        assert told == {"client": "127.0.0.3", "scheme": "ws"}
    assert await status_for(come("/per-address", "127.0.0.3", **{HEADER: "192.0.2.5"})) == 429
    await come("/per-address", "127.0.0.4")


# -- behind a proxy --


@contextlib.asynccontextmanager
async def proxy_to(port: int, address: str = PROXY) -> AsyncIterator[int]:
    """A proxy as nginx is one with ``$proxy_add_x_forwarded_for``; its port. It asks the server from
    ``address``."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        name = HEADER.lower() + ":"
        chain = [line.partition(":")[2].strip() for line in head if line.lower().startswith(name)]
        rest = [line for line in head if not line.lower().startswith((name, "x-forwarded-proto:"))]
        chain.append(writer.get_extra_info("peername")[0])
        rest[1:1] = [f"{HEADER}: {', '.join(chain)}", "X-Forwarded-Proto: https"]
        to_server = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        to_server[1].write("\r\n".join(rest).encode())
        await asyncio.gather(pump(reader, to_server[1]), pump(to_server[0], writer))

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def test_clients_behind_a_trusted_proxy_have_a_limit_each(running, come: Come) -> None:
    async with proxy_to(running.port) as port:
        for address in ("127.0.3.1", "127.0.3.2"):
            for _ in range(PER_ADDRESS):
                told = await come("/per-address", address, port)
                assert told == {"client": address, "scheme": "wss"}
            assert await status_for(come("/per-address", address, port)) == 429


async def test_a_header_forged_in_front_of_a_trusted_proxy_helps_nobody(running, come: Come) -> None:
    async with proxy_to(running.port) as port:
        for forged in ("192.0.2.1", "192.0.2.2, 192.0.2.3", PROXY, "unknown,,;"):
            told = await come(
                "/per-address", "127.0.4.1", port, **{HEADER: forged, "X-Forwarded-Proto": "http"}
            )
            assert told == {"client": "127.0.4.1", "scheme": "wss"}
        assert await status_for(come("/per-address", "127.0.4.1", port, **{HEADER: "192.0.2.9"})) == 429


async def test_a_proxy_that_is_not_trusted_is_one_client(running, come: Come) -> None:
    async with proxy_to(running.port, "127.0.0.8") as port:
        for number in range(PER_ADDRESS):
            told = await come("/per-address", f"127.0.5.{number + 1}", port)
            assert told == {"client": "127.0.0.8", "scheme": "ws"}
        assert await status_for(come("/per-address", "127.0.5.99", port)) == 429


# -- places are free again --


@pytest.mark.parametrize("end", ["close", "reset", "hang up"])
async def test_places_are_free_again_however_peers_go(running, end: str) -> None:
    for _ in range(3):
        running.mark()
        async with AsyncExitStack() as stack:
            peers = [await stack.enter_async_context(running.connect("/in-all")) for _ in range(IN_ALL)]
            with pytest.raises(Refused) as refused:
                async with running.connect("/in-all"):
                    pass
            assert refused.value.status == 503
            for peer in peers:
                await peer.receive_json()
                await (peer.close() if end == "close" else peer.abort() if end == "reset" else peer.hang_up())
        await left(running, "/in-all", IN_ALL)


@pytest.mark.parametrize("way", ["raises", "raises-before", "cancelled", "closes", "waits"])
async def test_places_are_free_again_however_handlers_end(running, way: str) -> None:
    """Three times as many as there may be at a time."""
    for _ in range(3):
        running.mark()
        for _ in range(IN_ALL):
            with contextlib.suppress(Refused, ConnectionError):
                async with running.connect(f"/ends/{way}") as peer:
                    if way != "waits":
                        await peer.receive_close()
        if way == "raises-before":
            assert "limit connections" not in running.log()
        else:
            await left(running, f"/ends/{way}", IN_ALL)


async def left(running, path: str, count: int) -> None:
    """Wait until so many handlers have told that they end."""
    async with asyncio.timeout(TIMEOUT):
        while running.log().count(f"{path} has left") < count:
            await asyncio.sleep(0.01)
    assert running.log().count(f"{path} has left") == count


# -- rooms --


async def test_a_room_at_the_limit_and_one_above(running, server: Server) -> None:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(running.connect("/rooms/kitchen")) for _ in range(OF_ROOM)]
        for peer in peers:
            assert await peer.receive_text() == "in kitchen"
        async with running.connect("/rooms/kitchen") as extra:
            closed = await extra.receive_close()
            assert (closed.code, closed.reason) == closed_for(server, "connections_per_room")
        assert (await running.request("GET", "/rooms")).json() == {"kitchen": OF_ROOM}
        await peers[0].send_text("bath")
        assert await peers[0].receive_text() == "in bath"


async def test_rooms_of_a_connection_at_the_limit_and_one_above(running, server: Server) -> None:
    async with running.connect("/rooms/1") as peer:
        for number in range(2, OF_CONNECTION + 1):
            await peer.send_text(str(number))
        for number in range(1, OF_CONNECTION + 1):
            assert await peer.receive_text() == f"in {number}"
        await peer.send_text("one more")
        closed = await peer.receive_close()
        assert (closed.code, closed.reason) == closed_for(server, "rooms_per_connection")


# -- messages and time --


async def test_messages_at_the_limit_and_one_above(running, server: Server) -> None:
    async with running.connect("/messages") as peer:
        await peer.receive_json()
        for number in range(BURST):
            await peer.send_text(str(number))
        for number in range(BURST):
            assert await peer.receive_text() == str(number)
        await peer.send_text("one more")
        closed = await peer.receive_close()
        assert (closed.code, closed.reason) == closed_for(server, "messages_per_second")


async def test_a_flood_is_stopped_while_others_are_served(running, server: Server) -> None:
    """Thousands of messages as fast as they go: the flood ends, within the rate."""

    async def flood(client: ClientConnection) -> int:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(5_000):
                await client.send("x")
        echoes = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                echoes += isinstance(await client.recv(), str)
        return echoes

    async with asyncio.timeout(TIMEOUT):
        async with (
            connect(f"{running.websocket_url}/flood", proxy=None, close_timeout=1) as client,
            running.connect("/flood") as other,
        ):
            await other.receive_json()
            flooding = asyncio.create_task(flood(client))
            for number in range(20):
                await other.send_text(str(number))
                assert await other.receive_text() == str(number)
            assert await flooding <= 1 + 100, "what is told, the burst, and what a second or so adds"
            assert client.close_code in (closed_for(server, "")[0], 1006)


async def test_silence_ends_it_and_a_message_prolongs_it(running, server: Server) -> None:
    async with running.connect("/idle") as peer:
        await peer.receive_json()
        loop = asyncio.get_running_loop()
        until = loop.time() + 1.5
        while loop.time() < until:
            await peer.send_text("here")
            assert await peer.receive_text() == "here"
            await asyncio.sleep(0.1)
        closed = await peer.receive_close()
        assert (closed.code, closed.reason) == closed_for(server, "idle_timeout")


async def test_a_handshake_that_is_not_answered_frees_its_place(running) -> None:
    for _ in range(2):
        running.mark()
        with pytest.raises(Refused) as refused:
            async with running.connect("/slow"):
                pass
        assert refused.value.status == 503
        await running.logged("/slow was stopped")
        assert "limit accept_timeout of 0.3 reached" in running.log()


# -- the heartbeat --


async def test_the_heartbeat_goes_to_who_is_not_pinged_by_the_server(start_server, server: Server) -> None:
    running = start_server("limits_app:heart")
    async with running.connect("/") as peer:
        if Capability.PING in server.capabilities:
            await peer.receive_nothing(0.5)
            await peer.send_text("hello")
            assert await peer.receive_json() == {"got": "hello", "round_trip": None}
            return
        for _ in range(3):
            assert await peer.receive_text() == "ping"
            await peer.send_text("pong")
        await peer.send_text("hello")
        async with asyncio.timeout(TIMEOUT):
            while (text := await peer.receive_text()) == "ping":
                await peer.send_text("pong")
        told = json.loads(text)
        assert told["got"] == "hello" and 0 < told["round_trip"] < 1


@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
async def test_who_does_not_answer_the_heartbeat_is_lost(start_server) -> None:
    """Granian tells a peer that is there after all with a close frame of its own."""
    running = start_server("limits_app:heart")
    async with running.connect("/") as peer:
        assert await peer.receive_text() == "ping"
        await running.logged("connection lost without a close frame, code 1006")
        await peer.wait_ended()
