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
pytestmark = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


class Client:
    """Connected, with a queue of the events that it is sent."""

    def __init__(self) -> None:
        self.itself = socketio.AsyncClient(reconnection=False)
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.itself.on("*", self._event)

    async def _event(self, name: str, data: Any) -> None:
        await self.events.put((name, data))


@contextlib.asynccontextmanager
async def connected(running: Any, transports: list[str]) -> AsyncIterator[tuple[Client, Client]]:
    """Two clients. Over long-polling the end of one takes until the server gives up its last poll, on every
    server: hence the short times of the app, and both at once."""
    ada, bob = Client(), Client()
    async with asyncio.timeout(15):
        try:
            for client in (ada, bob):
                url = f"{running.url}?room=7"
                await client.itself.connect(url, transports=transports, wait_timeout=5)
            yield ada, bob
        finally:
            await asyncio.gather(ada.itself.disconnect(), bob.itself.disconnect())


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="+".join)
async def test_rooms(running, transports):
    room = f"room of {transports}"
    async with connected(running, transports) as (ada, bob):
        assert ada.itself.transport() == transports[-1]
        for client in (ada, bob):
            name, data = await client.events.get()
            assert name == "welcome" and "room=7" in data["query"]
            assert await client.itself.call("join", room, timeout=5) == f"joined {room}"
        for what in ("grüße", b"\x00\xff", {"nested": [b"binary", 1]}, "x" * 200_000):
            await ada.itself.emit("say", (room, what))
            assert await ada.events.get() == await bob.events.get() == ("said", what)


async def test_refused(running):
    client = socketio.AsyncClient(reconnection=False)
    told = []
    client.on("connect_error", told.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(running.url, auth="wrong", transports=["websocket"], wait_timeout=5)
    assert told == [{"message": "who are you?"}]
