"""Quart under RSGI."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

pytest.importorskip("quart", reason="Quart is not installed")

APP = "quart_app:app"
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def test_session_and_start(client):
    for number in (1, 2):
        assert (await client.get("/count")).json() == {"count": number, "started": True}


async def test_body_in_pieces(client):
    assert (await client.post("/size", content=b"x" * 3_000_000)).json() == {"size": 3_000_000}


async def test_stream(client):
    response = await client.get("/stream")
    assert (response.status_code, response.text) == (200, "0,1,2,")


async def test_not_found(client):
    assert (await client.get("/nowhere")).status_code == 404


async def test_websocket(open_socket):
    async with open_socket("/echo/ada") as ada, open_socket("/echo/bob") as bob:
        for socket, name in ((ada, "ada"), (bob, "bob"), (ada, "ada")):
            await socket.send("hello")
            assert await socket.recv() == f"{name}: hello"


@pytest.mark.parametrize("path", ["/echo/nobody", "/nowhere"])
async def test_refused_websocket(open_socket, path):
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(path)
    assert refused.value.response.status_code == 404
