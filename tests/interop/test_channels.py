"""Django Channels under RSGI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

pytest.importorskip("channels", reason="Django Channels is not installed")

APP = "channels_app:app"
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def received(socket: Any) -> Any:
    return json.loads(await socket.recv())


async def test_chat(running, open_socket):
    own = {"origin": running.url}
    async with open_socket("/chat/tea", **own) as ada:
        assert await received(ada) == {"joined": "tea"}
        async with open_socket("/chat/tea", **own) as bob, open_socket("/chat/coffee", **own) as eve:
            assert await received(bob) == {"joined": "tea"}
            assert await received(eve) == {"joined": "coffee"}
            await bob.send('{"say": "grüße"}')
            assert await received(ada) == await received(bob) == {"said": "grüße"}
            await eve.send('{"say": "alone"}')
            assert await received(eve) == {"said": "alone"}
        assert await received(ada) == {"said": "somebody left"}


async def test_consumer_in_threads(running, open_socket):
    async with open_socket("/echo", origin=running.url) as socket:
        for data in ("text", b"\x00\xff", "again"):
            await socket.send(data)
            assert await socket.recv() == data


async def test_refused(running, open_socket):
    for path, origin in (("/chat/closed", running.url), ("/chat/tea", "https://foe.example")):
        with pytest.raises(InvalidStatus) as refused:
            await open_socket(path, origin=origin)
        assert refused.value.response.status_code == 403


async def test_view(client):
    response = await client.post("/shout", content="hello")
    assert (response.status_code, response.json()) == (200, {"method": "POST", "body": "HELLO"})
    assert (await client.get("/nowhere")).status_code == 404
