"""The HTTP side of an app on every server, Granian's RSGI included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anysocket.testing import Refused


@pytest.fixture
def running(serve: Any) -> Any:
    return serve("http_app:app")


@pytest.mark.not_on("memory", reason="its HTTP has no lifespan")
async def test_lifespan_state(running: Any) -> None:
    response = await running.request("GET", "/items/7")
    assert (response.status, response.json()) == (200, {"number": 7, "greeting": "hello"})


async def test_json_in_and_out(running: Any) -> None:
    response = await running.request("POST", "/items/7", json={"text": "grüße", "n": [1, None]})
    assert (response.status, response.json()) == (201, {"stored": {"text": "grüße", "n": [1, None]}})
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    response = await running.request("DELETE", "/items/7")
    assert (response.status, response.body) == (204, b"")


async def test_errors_are_json(running: Any) -> None:
    response = await running.request("POST", "/items/7", body=b"{]")
    assert response.status == 400
    assert "line 1 column 2" in response.json()["error"]
    response = await running.request("GET", "/nothing")
    assert (response.status, response.json()) == (404, {"error": "Not Found"})
    response = await running.request("PATCH", "/items/7")
    assert (response.status, response.headers["allow"]) == (405, "DELETE, GET, HEAD, POST")
    response = await running.request("GET", "/broken")
    assert (response.status, response.json()) == (500, {"error": "Internal Server Error"})
    assert "secret" in await running.logged("exception in the HTTP handler of GET '/broken'")
    response = await running.request("HEAD", "/items/7x")
    assert (response.status, response.body) == (404, b"")


async def test_mounts(running: Any) -> None:
    assert (await running.request("GET", "/api/answer")).json() == {"answer": 42}
    assert (await running.request("GET", "/api/nothing")).json() == {"detail": "Not Found"}
    assert (await running.request("GET", "/files/http_app.py")).body == (
        Path(__file__).parent / "http_app.py"
    ).read_bytes()
    assert (await running.request("GET", "/files/nothing")).status == 404


@pytest.mark.not_on("memory", reason="it serves the app's own WebSockets only")
async def test_websockets_of_a_mounted_app(running: Any) -> None:
    async with running.connect("/api/socket/x") as peer:
        assert await peer.receive_text() == "FastAPI x /api/socket/x /api"
    with pytest.raises(Refused):
        async with running.connect("/api/nothing"):
            pass
    with pytest.raises(Refused):
        async with running.connect("/api"):
            pass
    async with running.connect("/api/own") as peer:
        assert await peer.receive_text() == "ours"
