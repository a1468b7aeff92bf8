"""Whatever is sent comes back, of the same type."""

from __future__ import annotations

import pytest

from kinds import each_kind
from peers import receive_data

pytestmark = each_kind

APP = "examples.echo:app"

MESSAGES = ["Hello", "Grüße, 世界 🎉", b"\x00\xff bytes", "x" * 100_000, b"y" * 100_000]


@pytest.mark.parametrize("message", MESSAGES, ids=["text", "unicode", "bytes", "long-text", "long-bytes"])
async def test_message_comes_back_as_it_was(example, message):
    async with example.connect("/echo") as peer:
        await peer.send(message)
        assert await receive_data(peer) == message


async def test_order_is_kept_across_types(example):
    messages = [f"text {number}" if number % 2 else b"bytes %d" % number for number in range(50)]
    async with example.connect("/echo") as peer:
        for message in messages:
            await peer.send(message)
        assert [await receive_data(peer) for _ in messages] == messages


async def test_closing_is_answered_and_others_stay(example):
    async with example.connect("/echo") as staying:
        async with example.connect("/echo") as leaving:
            await leaving.close(1000)
            assert (await leaving.receive_close()).code in (1000, 1005)
        await staying.send("still here")
        assert await staying.receive_text() == "still here"
