"""An RSGI app without a framework on ASGI servers; Granian's own RSGI for comparison."""

from __future__ import annotations

from pathlib import Path

import pytest

from anysocket.testing import Refused

pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "hypercorn", "testclient")


@pytest.fixture
def app(server):
    return "raw_rsgi_app:chat" if server.interface == "rsgi" else "raw_rsgi_app:app"


async def test_chat(running):
    async with running.connect("/rooms/tea") as ada, running.connect("/rooms/tea") as bob:
        for peer in (ada, bob):
            assert await peer.receive_text() == "welcome"
        await ada.send_text("grüße")
        assert await ada.receive_text() == await bob.receive_text() == "grüße"
        await bob.send_bytes(b"\x00\xff")
        assert await bob.receive_bytes() == b"\x00\xff"
        response = await running.request("POST", "/say", json={"room": "tea", "text": "from HTTP"})
        assert (response.status, response.body) == (204, b"")
        assert await ada.receive_text() == await bob.receive_text() == "from HTTP"


async def test_refused(running):
    with pytest.raises(Refused) as refused:
        async with running.connect("/rooms/closed"):
            pass
    assert refused.value.status == 404


async def test_responses(running):
    assert (await running.request("GET", "/stream")).text == "0,1,2,"
    assert (await running.request("POST", "/sizes", body=b"x" * 300_000)).json() == 300_000
    file = await running.request("GET", "/file")
    assert file.body == (Path(__file__).parent / "apps/raw_rsgi_app.py").read_bytes()
    missing = await running.request("GET", "/nowhere")
    assert (missing.status, missing.json()) == (404, {"missing": "/nowhere"})
