"""Who may see the live page, what it is made of and what its data say, over real sockets."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import anysocket
from anysocket import App, WebSocketManager
from anysocket_monitor import build_monitor
from core.fake_transport import FakeTransport, accepted

APPS = Path(__file__).parent / "apps"
FILES = ("", "page.css", "page.js", "icon.svg", "stats.json")

pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio")


@pytest.fixture
def running(serve: Any) -> Any:
    return serve("watched:app", APPS)


async def test_it_is_off_until_the_app_says_to_whom(running: Any) -> None:
    for name in FILES:
        response = await running.request("GET", f"/off/{name}")
        assert response.status == 403
        assert response.headers["content-type"].startswith("text/plain")
        assert "anysocket.monitor(manager, allow=allow)" in response.text
        assert "def allow(request):" in response.text


@pytest.mark.parametrize("path", ["/by-key", "/by-key-later"])
async def test_allow_decides_for_everything_sync_or_async(running: Any, path: str) -> None:
    for name in FILES:
        denied = await running.request("GET", f"{path}/{name}")
        assert denied.status == 403 and "allow(request)" in denied.text
        allowed = await running.request("GET", f"{path}/{name}", headers=[("x-key", "secret")])
        assert allowed.status == 200
    assert (await running.request("GET", f"{path}/?key=secret")).status == 200
    assert (await running.request("GET", f"{path}/?key=wrong")).status == 403


async def test_only_true_lets_in(running: Any) -> None:
    assert (await running.request("GET", "/forgetful/")).status == 403


async def test_nothing_of_it_is_inline_or_from_elsewhere(running: Any) -> None:
    response = await running.request("GET", "/_anysocket/")
    assert response.status == 200 and response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    linked = re.findall(r'(?:src|href)="([^"]*)"', response.text)
    assert set(linked) == set(FILES[1:-1])
    assert not re.search(r"<style|style=|<script>|\son\w+=", response.text)
    for name in linked:
        file = await running.request("GET", f"/_anysocket/{name}")
        assert (file.status, file.headers["cache-control"]) == (200, "no-store")
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", file.text)


async def test_the_address_without_its_slash_leads_there(running: Any) -> None:
    response = await running.request("GET", "/_anysocket")
    assert response.status == 307
    assert response.headers["location"].endswith("/_anysocket/")


async def test_what_is_not_there_is_not_there(running: Any) -> None:
    assert (await running.request("GET", "/_anysocket/../_page.py")).status == 404
    assert (await running.request("GET", "/_anysocket/_page.py")).status == 404
    assert (await running.request("POST", "/_anysocket/stats.json")).status == 405


async def test_the_data_are_those_of_now(running: Any) -> None:
    async def data() -> dict[str, Any]:
        response = await running.request("GET", "/_anysocket/stats.json")
        found: dict[str, Any] = response.json()
        return found

    async def until_empty() -> dict[str, Any]:
        async with asyncio.timeout(10):  # Of the tests before, too.
            while (found := await data())["connections"]:
                await asyncio.sleep(0.02)
        return found

    before = await until_empty()
    async with (
        running.connect("/rooms/big") as ann,
        running.connect("/rooms/big") as bob,
        running.connect("/rooms/small") as eve,
    ):
        for peer in (ann, bob, eve):
            assert await peer.receive_text() == "in"
        await ann.send_text("grüße")
        await ann.receive_text()
        await bob.receive_text()
        now = await data()
        assert (now["connections"], now["room_count"]) == (3, 2)
        assert now["rooms"] == [["big", 2], ["small", 1]]
        assert now["bytes_received"] - before["bytes_received"] == 7
        assert now["messages_sent"] - before["messages_sent"] == 3 + 2
        assert now["time"] > before["time"] and now["process"] == before["process"]
    after = await until_empty()
    assert sum(count for _, count in after["closes"]) - sum(count for _, count in before["closes"]) == 3


# -- in this process --


async def test_the_longest_queues_and_the_largest_rooms_come_first() -> None:
    manager = WebSocketManager()
    transports = []
    for number in range(60):
        transport = FakeTransport(f"/path/{number}")
        transports.append(transport)
        manager.add_connection(f"id {number}", await accepted(transport))
        manager.join_room(f"id {number}", f"room {number}")
        manager.join_room(f"id {number}", f"room {number % 7}")
    for number in range(20):
        transports[number].hold_sends()
        await manager.send_to(f"id {number}", "under way")
        await manager.send_to(f"id {number}", "x" * (number + 1))
    client = TestClient(build_monitor(manager, lambda request: True))
    data = client.get("/stats.json").json()
    assert (data["connections"], data["room_count"], len(data["rooms"])) == (60, 60, 50)
    sizes = [size for _, size in data["rooms"]]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == 9
    assert [queue["id"] for queue in data["queues"]] == [f"id {number}" for number in range(19, 9, -1)]
    assert data["queues"][0] == {
        "id": "id 19",
        "path": "/path/19",
        "client": "192.0.2.7",
        "messages_queued": 1,
        "bytes_queued": 20,
        "messages_dropped": 0,
    }
    assert data["bytes_queued"] == sum(range(1, 21))
    for transport in transports:
        transport.let_sends_go()


def test_an_allow_that_fails_shows_nothing() -> None:
    app = App()

    def allow(request: Any) -> bool:
        raise ValueError("a bug")

    app.mount("/_anysocket", anysocket.monitor(WebSocketManager(), allow=allow))
    response = TestClient(app).get("/_anysocket/stats.json")
    assert (response.status_code, response.json()) == (500, {"error": "Internal Server Error"})


def test_what_is_no_manager_is_told() -> None:
    with pytest.raises(TypeError, match="WebSocketManager, not <class"):
        anysocket.monitor(WebSocketManager)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="allow must be a function of the request, not True"):
        anysocket.monitor(WebSocketManager(), allow=True)  # type: ignore[arg-type]
