"""Litestar under RSGI."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import InvalidStatus

pytest.importorskip("litestar", reason="Litestar is not installed")

APP = "litestar_app:app"
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def test_channels(client, open_socket):
    async with (
        open_socket("/channels/tea") as ada,
        open_socket("/channels/tea") as bob,
        open_socket("/channels/coffee") as eve,
    ):
        for room, text in (("tea", "black"), ("coffee", "none"), ("tea", "green")):
            response = await client.post(f"/news/{room}", json={"text": text})
            assert (response.status_code, response.json()) == (202, {"room": room})
        for peer in (ada, bob):
            assert [json.loads(await peer.recv())["text"] for _ in range(2)] == ["black", "green"]
        assert json.loads(await eve.recv()) == {"text": "none"}


async def test_listener(open_socket):
    async with open_socket("/echo") as socket:
        for word in ("tea", "grüße"):
            await socket.send(json.dumps({"word": word}))
            assert json.loads(await socket.recv()) == {"word": word.upper()}


async def test_validation(client):
    response = await client.post("/news/tea", json={"text": 7})
    assert (response.status_code, response.json()["extra"][0]["key"]) == (400, "text")


async def test_unknown_paths(client, open_socket):
    assert (await client.get("/nowhere")).status_code == 404
    with pytest.raises(InvalidStatus):
        await open_socket("/nowhere")
