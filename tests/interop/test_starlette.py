"""Starlette's own middlewares under RSGI."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("itsdangerous", reason="Starlette's sessions need itsdangerous, not installed")

APP = "starlette_app:app"
FRIEND = {"origin": "https://friend.example"}
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def test_cors(client):
    asked = {"access-control-request-method": "GET", "access-control-request-headers": "x-custom"}
    response = await client.options("/count", headers=FRIEND | asked)
    assert (response.status_code, response.text) == (200, "OK")
    assert response.headers["access-control-allow-origin"] == FRIEND["origin"]
    assert "x-custom" in response.headers["access-control-allow-headers"]
    response = await client.options("/count", headers={"origin": "https://foe.example"} | asked)
    assert response.status_code == 400
    response = await client.get("/count", headers=FRIEND)
    assert response.headers["access-control-allow-origin"] == FRIEND["origin"]
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    ("path", "body"), [("/long", "a" * 5000), ("/streamed", "a" * 2000 + "b" * 2000 + "c" * 2000)]
)
async def test_gzip(client, path, body):
    response = await client.get(path)
    assert response.headers["content-encoding"] == "gzip"
    assert response.text == body
    response = await client.get(path, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in response.headers


async def test_sessions(client, open_socket):
    assert [(await client.get("/count")).json() for _ in range(3)] == [1, 2, 3]
    cookie = f"session={client.cookies['session']}"
    async with open_socket("/session", additional_headers={"cookie": cookie}) as socket:
        assert json.loads(await socket.recv()) == 3
    client.cookies.clear()
    assert (await client.get("/count")).json() == 1


async def test_trusted_hosts(client):
    response = await client.get("/count", headers={"host": "evil.example"})
    assert (response.status_code, response.text) == (400, "Invalid host header")
    handshake = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    response = await client.get("/session", headers=handshake | {"host": "evil.example"})
    assert response.status_code == 400
