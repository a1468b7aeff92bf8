"""anysocket handlers and rooms inside Starlette and FastAPI, on servers of each kind that can run those."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from anysocket import ConnectionClosed
from anysocket.testing import Peer, Refused
from peers import receive_data

pytestmark = pytest.mark.servers(
    "granian-asgi",
    "uvicorn-sansio",
    "hypercorn",
    "daphne",
    "testclient",
)


@pytest.fixture(params=["starlette_app", "fastapi_app"])
def running(serve: Any, request: pytest.FixtureRequest) -> Any:
    return serve(f"frameworks:{request.param}")


async def ends(peer: Peer) -> None:
    """Wait for the end, with a close frame or without: here Starlette, or the server, has the last word."""
    with contextlib.suppress(ConnectionClosed):
        await peer.receive_close()


async def no_room(running: Any, room: str) -> None:
    """Wait until the room is gone."""
    async with asyncio.timeout(5):
        while room in (await running.request("GET", "/rooms")).json():
            await asyncio.sleep(0.01)


async def test_handler_gets_path_parameters_and_echoes(running: Any) -> None:
    async with running.connect("/echo/lobby") as peer:
        assert await peer.receive_text() == "lobby lobby /echo/lobby"
        for message in ("text", b"bytes"):
            await peer.send(message)
            assert await receive_data(peer) == message


async def test_outcomes_of_a_handler(running: Any) -> None:
    for what, status in (("return-early", 403), ("raise-early", 500), ("denied", 401)):
        with pytest.raises(Refused) as refused:
            async with running.connect(f"/outcome/{what}"):
                pass
        assert refused.value.status in (status, 403), what  # 403 where a server has no other
    for what, code in (("return", 1000), ("raise", 1011), ("close", 4001)):
        async with running.connect(f"/outcome/{what}") as peer:
            assert (await peer.receive_close()).code in (code, 1000 if code == 1011 else code), what


async def test_options_of_the_endpoint(running: Any) -> None:
    async with running.connect("/small/a", subprotocols=["other", "chat"]) as peer:
        assert peer.subprotocol == "chat"
        assert await peer.receive_text() == "a a /small/a"
        await peer.send("x" * 17)
        closed = await peer.receive_close()
        assert closed.code in (1009, 1000)  # Daphne cannot send 1009.


async def test_wrapped_connections_share_a_room(running: Any) -> None:
    async with running.connect("/members/shared/ann") as ann, running.connect("/members/shared/bob") as bob:
        assert (await ann.receive_text(), await bob.receive_text()) == ("hello ann", "hello bob")
        for number in range(20):
            await ann.send(f"{number}")
            assert await bob.receive_text() == f"ann: {number}"
            assert await ann.receive_text() == f"ann: {number}"
        await bob.close()
        async with asyncio.timeout(5):
            while (await running.request("GET", "/rooms")).json().get("shared") != ["ann"]:
                await asyncio.sleep(0.01)
        await ann.send("alone")
        assert await ann.receive_text() == "ann: alone"
    await no_room(running, "shared")


@pytest.mark.parametrize("how", ["close", "abort", "own close", "close carl"])
async def test_wrapped_connection_leaves_its_rooms(running: Any, how: str) -> None:
    async with running.connect("/members/leaving/carl") as peer:
        assert await peer.receive_text() == "hello carl"
        if how in ("close", "abort"):
            await getattr(peer, how)()
        else:
            await peer.send(how)
            await ends(peer)
        await no_room(running, "leaving")


# These two leave the socket open when an endpoint returns, and TestClient's task goes on, too.
@pytest.mark.not_on("daphne", "testclient", reason="an endpoint that returns ends nothing there")
async def test_wrapped_connection_ends_with_its_endpoint(running: Any) -> None:
    async with running.connect("/members/returning/carl") as peer:
        assert await peer.receive_text() == "hello carl"
        await peer.send("return")
        await ends(peer)
        await no_room(running, "returning")


async def test_wrapped_connection_is_closed_by_somebody_else(running: Any) -> None:
    async with running.connect("/members/kick/dora") as dora, running.connect("/members/kick/eve") as eve:
        assert (await dora.receive_text(), await eve.receive_text()) == ("hello dora", "hello eve")
        await dora.send("close eve")
        assert (await eve.receive_close()).code == 4002
        await dora.send("alone")
        assert await dora.receive_text() == "dora: alone"
