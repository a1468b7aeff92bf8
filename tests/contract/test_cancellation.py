"""A cancelled ``receive()`` loses nothing and reorders nothing (contract 4.5)."""

from __future__ import annotations

import asyncio
import random

import pytest

from kinds import each_kind


async def send_until_told(peer, told: asyncio.Task[str]) -> list[str]:
    """Numbered messages at the pace of the handler's timeouts, until it has had enough of them."""
    sent: list[str] = []
    while not told.done():
        sent.append(f"message {len(sent)}")
        await peer.send(sent[-1])
        await asyncio.sleep(random.random() / 500)
    sent.append("end")
    await peer.send("end")
    return sent


async def check_cancelled(running, how: str) -> None:
    async with running.connect(f"/receive-with/{how}") as peer:
        told = asyncio.create_task(peer.receive_text(timeout=60))
        sent = await send_until_told(peer, told)
        assert told.result() == "enough"
        result = await peer.receive_json()
    assert result["received"] == sent
    assert result["calls"] >= 2000
    assert result["cancelled"] >= 500


async def test_2000_cancelled_receives_lose_and_reorder_nothing(running):
    await check_cancelled(running, "storm")


@each_kind
@pytest.mark.parametrize("how", ["timeout", "wait_for"])
async def test_2000_receives_that_time_out_lose_and_reorder_nothing(running, how):
    await check_cancelled(running, how)


async def test_second_reader_is_refused_and_takes_nothing(running):
    async with running.connect("/two-readers") as peer:
        assert await peer.receive_text() == "WebSocketStateError"
        await peer.send("for the first")
        assert await peer.receive_text() == "for the first"
