"""A cancelled ``receive()`` loses nothing and reorders nothing (contract 4.5)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

import pytest

from clients import Closed


async def send_until_told(peer, told: asyncio.Task[str]) -> list[str]:
    """Numbered messages at the pace of the handler's timeouts, until it has had enough of them."""
    sent = []
    while not told.done():
        for _ in range(random.randrange(1, 4)):
            sent.append(f"message {len(sent)}")
            await peer.send(sent[-1])
        await asyncio.sleep(random.random() / 1000)
    sent.append("end")
    await peer.send("end")
    return sent


@pytest.mark.parametrize("how", ["timeout", "wait_for", "storm"])
async def test_2000_cancelled_receives_lose_and_reorder_nothing(running, how):
    async with running.connect(f"/receive-with/{how}") as peer:
        told = asyncio.create_task(peer.receive(timeout=60))
        sent = await send_until_told(peer, told)
        assert told.result() == "enough"
        result = json.loads(await peer.receive())
    assert result["received"] == sent
    assert result["calls"] >= 2000
    assert result["cancelled"] > 100, "the race was none"
    assert len(result["received"]) > 200, "the race was none"


async def test_second_reader_is_refused_and_takes_nothing(running):
    async with running.connect("/two-readers") as peer:
        assert await peer.receive() == "WebSocketStateError"
        await peer.send("for the first")
        assert await peer.receive() == "for the first"


async def test_message_that_meets_a_cancellation_is_there_before_the_close(running):
    """Cancelled readers, then the peer's last words and its close: all of it arrives, in order."""
    async with running.connect("/receive-with/storm") as peer:
        assert await peer.receive(timeout=60) == "enough"
        await peer.send("last words")
        await peer.send("end")
        assert json.loads(await peer.receive())["received"] == ["last words", "end"]
        with contextlib.suppress(Closed):
            await peer.receive()
