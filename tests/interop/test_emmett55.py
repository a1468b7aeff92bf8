"""Emmett55, a framework of RSGI, on ASGI servers; Granian's own RSGI for comparison."""

from __future__ import annotations

import pytest

pytest.importorskip("emmett55", reason="Emmett55 is not installed")

pytestmark = [
    pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "hypercorn", "testclient"),
    # Emmett's own call, deprecated from Python 3.12 on, is no failure of ours.
    pytest.mark.filterwarnings(r"default:datetime\.datetime\.utcnow:DeprecationWarning:emmett_core\."),
]


@pytest.fixture
def app(server):
    return "emmett55_app:emmett" if server.interface == "rsgi" else "emmett55_app:app"


async def test_route_and_pipe(running):
    response = await running.request("GET", "/hello/gr%C3%BC%C3%9Fe")
    assert (response.status, response.text, response.headers["x-piped"]) == (200, "hello grüße", "yes")


async def test_parameters(running):
    response = await running.request("POST", "/params?a=1&b=%C3%A9", json={"name": "ada"})
    assert response.json() == {"body": {"name": "ada"}, "query": {"a": "1", "b": "é"}}


async def test_not_found(running):
    assert (await running.request("GET", "/nowhere")).status == 404


async def test_websocket(running):
    async with running.connect("/echo") as peer:
        for text in ("grüße", "x" * 100_000):
            await peer.send_text(text)
            assert await peer.receive_text() == text
        await peer.send_bytes(b"\x00\xff")
        assert await peer.receive_bytes() == b"\x00\xff"
