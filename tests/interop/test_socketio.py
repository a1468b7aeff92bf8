"""python-socketio under RSGI, with its own client."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

socketio = pytest.importorskip("socketio", reason="python-socketio is not installed")
pytest.importorskip("aiohttp", reason="python-socketio's client needs aiohttp, not installed")

APP = "socketio_app:app"
pytestmark = pytest.mark.servers("granian-rsgi")


@contextlib.asynccontextmanager
async def connected(running: Any, transports: list[str]) -> AsyncIterator[tuple[Any, Any]]:
    """A client, and a queue of the events that it is sent. Over long-polling its end takes until
    the server gives up the last poll, on every server: hence the short times of the app."""
    client = socketio.AsyncClient(reconnection=False)
    events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    @client.on("*")
    async def any_event(name: str, data: Any) -> None:
        await events.put((name, data))

    async with asyncio.timeout(15):
        await client.connect(f"{running.url}?room=7", transports=transports, wait_timeout=5)
        try:
            yield client, events
        finally:
            await client.disconnect()


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
async def test_rooms(running, transports):
    room = f"room of {transports}"
    async with (
        connected(running, transports) as (ada, to_ada),
        connected(running, transports) as (bob, to_bob),
    ):
        assert ada.transport() == transports[-1] or transports == ["polling", "websocket"]
        for events in (to_ada, to_bob):
            name, data = await events.get()
            assert name == "welcome" and "room=7" in data["query"]
        for client in (ada, bob):
            assert await client.call("join", room, timeout=5) == f"joined {room}"
        for what in ("grüße", b"\x00\xff", {"nested": [b"binary", 1]}, "x" * 200_000):
            await ada.emit("say", (room, what))
            assert await to_ada.get() == await to_bob.get() == ("said", what)


async def test_refused(running):
    client = socketio.AsyncClient(reconnection=False)
    told = []
    client.on("connect_error", told.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(running.url, auth="wrong", transports=["websocket"], wait_timeout=5)
    assert told == [{"message": "who are you?"}]
