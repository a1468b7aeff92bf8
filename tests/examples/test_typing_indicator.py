"""Who types is shown to the others in the room, never to the one who types."""

from __future__ import annotations

import contextlib

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.typing_indicator:app"


@contextlib.asynccontextmanager
async def ann_and_bob(example):
    """Two in a room, each of whom has heard the other."""
    room = example.unique("room")
    async with example.connect(f"/typing/{room}?name=Ann") as ann:
        assert await example.ask(ann, {"text": "Hello"}) == {"name": "Ann", "text": "Hello"}
        async with example.connect(f"/typing/{room}?name=Bob") as bob:
            hi = {"name": "Bob", "text": "Hi"}
            assert await example.ask(bob, {"text": "Hi"}) == hi
            assert await ann.receive_json() == hi
            yield ann, bob


async def test_typing_is_told_to_the_other_and_not_to_the_sender(example):
    async with ann_and_bob(example) as (ann, bob):
        await ann.send_json({"typing": True})
        assert await bob.receive_json() == {"name": "Ann", "typing": True}
        await ann.send_json({"typing": False})
        assert await bob.receive_json() == {"name": "Ann", "typing": False}
        await bob.send_json({"typing": True})
        assert await ann.receive_json() == {"name": "Bob", "typing": True}  # the first that Ann hears


async def test_line_of_chat_reaches_both_and_ends_the_typing(example):
    async with ann_and_bob(example) as (ann, bob):
        await ann.send_json({"typing": True})
        await ann.send_json({"text": "Done"})
        line = {"name": "Ann", "text": "Done"}
        assert await ann.receive_json() == line
        assert await bob.receive_json() == {"name": "Ann", "typing": True}
        assert await bob.receive_json() == line
        await ann.abort()
        await bob.receive_nothing(1.2)  # Ann's end is noticed within a second, and she was not typing


@pytest.mark.parametrize("way_to_leave", ["close", "hang_up", "abort"])
async def test_leaving_in_mid_sentence_ends_the_typing(example, way_to_leave):
    async with ann_and_bob(example) as (ann, bob):
        await ann.send_json({"typing": True})
        assert await bob.receive_json() == {"name": "Ann", "typing": True}
        await getattr(ann, way_to_leave)()
        assert await bob.receive_json() == {"name": "Ann", "typing": False}


@pytest.mark.parametrize("nonsense", ["no JSON", b"\xff", '{"typing": "yes"}', "[]"])
async def test_nonsense_is_answered_to_its_sender_alone(example, nonsense):
    async with ann_and_bob(example) as (ann, bob):
        await ann.send(nonsense)
        assert "error" in await ann.receive_json()
        await ann.send_json({"typing": True})
        assert await bob.receive_json() == {"name": "Ann", "typing": True}
