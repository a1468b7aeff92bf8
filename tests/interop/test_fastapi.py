"""FastAPI under RSGI."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytest.importorskip("fastapi", reason="FastAPI is not installed")
pytest.importorskip("python_multipart", reason="FastAPI's forms need python-multipart, not installed")

APP = "fastapi_app:app"
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def done(client: Any, what: str) -> None:
    """Wait until the app has done it."""
    async with asyncio.timeout(5):
        while what not in (await client.get("/done")).json():
            await asyncio.sleep(0.01)


async def test_dependencies(client):
    response = await client.get("/user", headers={"x-token": "ada"})
    assert (response.status_code, response.json()) == (200, {"user": "ADA"})
    await done(client, "left ada")
    response = await client.get("/user", headers={"x-token": "wrong"})
    assert (response.status_code, response.json()) == (401, {"detail": "who are you?"})
    assert response.headers["www-authenticate"] == "Token"


async def test_validation(client):
    response = await client.post("/items", json={"name": "tea", "price": 2})
    assert (response.status_code, response.json()) == (201, {"name": "tea", "price": 2.0})
    response = await client.post("/items", json={"name": "tea"})
    assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["body", "price"])
    assert (await client.get("/user")).status_code == 422


async def test_upload(client):
    response = await client.post("/upload", files={"file": ("a.bin", b"x" * 3_000_000)})
    assert response.json() == {"name": "a.bin", "size": 3_000_000}


async def test_background_task(client):
    assert (await client.post("/later/tidy")).json() == {"accepted": "tidy"}
    await done(client, "task tidy")


async def test_streaming(client):
    async with client.stream("GET", "/stream") as response:
        assert "content-length" not in response.headers
        assert [line async for line in response.aiter_lines()] == ["line 0", "line 1", "line 2"]


async def test_static_files(client):
    response = await client.get("/static/page.txt")
    assert (response.status_code, response.text) == (200, "served as it is\n")
    unchanged = {"if-none-match": response.headers["etag"]}
    response = await client.get("/static/page.txt", headers=unchanged)
    assert (response.status_code, response.content) == (304, b"")
    response = await client.get("/static/page.txt", headers={"range": "bytes=0-5"})
    assert (response.status_code, response.text) == (206, "served")
    assert (await client.head("/static/page.txt")).headers["content-length"] == "16"
    assert (await client.get("/static/none.txt")).status_code == 404


async def test_documentation(client):
    assert "swagger" in (await client.get("/docs")).text
    assert "/items" in (await client.get("/openapi.json")).json()["paths"]


async def test_websocket(client, open_socket):
    async with open_socket("/rooms/7?token=right") as socket:
        assert await socket.recv() == '{"room":7,"started":true}'
        for text in ("grüße", "x" * 100_000):
            await socket.send(text)
            assert await socket.recv() == f"7: {text}"
    await done(client, "room 7 left")


@pytest.mark.parametrize("path", ["/rooms/7?token=wrong", "/rooms/seven?token=right", "/nowhere"])
async def test_refused_websocket(open_socket, path):
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(path)
    assert refused.value.response.status_code == 403


async def test_websocket_exception_closes(open_socket):
    """RSGI carries no code of a close."""
    async with open_socket("/rooms/8?token=right") as socket:
        await socket.recv()
        await socket.send("fail")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1005
