"""Each server's connection ends when the WebSocket does, however long the handler goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

APPS = Path(__file__).parent / "apps"
SOON = 3.0


@pytest.mark.needs("process")
@pytest.mark.parametrize("path", ["/sleeps", "/reads-to-the-end"])
async def test_close_of_the_peer_is_answered_and_tcp_ended(serve, path):
    running = serve("going_on:app", APPS)
    async with running.connect(path) as peer, asyncio.timeout(SOON):
        await peer.close(4000, "bye")
        await peer.receive_close()
        await peer.wait_ended()


@pytest.mark.needs("process")
async def test_close_of_the_app_reaches_the_peer_and_tcp_ends(serve, server):
    running = serve("going_on:app", APPS)
    async with running.connect("/closes") as peer, asyncio.timeout(SOON):
        assert (await peer.receive_close()).code == server.expected_close(4001)[0]
        await peer.wait_ended()
