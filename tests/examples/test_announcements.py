"""An HTTP POST reaches all clients or one room, and its answer says how many."""

from __future__ import annotations

import functools

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.announcements:app"


async def announce(example, path, text):
    return (await example.post(path, {"text": text}))["delivered"]


async def test_all_or_one_room_hear_it_and_are_counted(example):
    await example.eventually(functools.partial(announce, example, "/announce", "Anybody?"), 0)
    kitchen, hall = example.unique("kitchen"), example.unique("hall")
    async with (
        example.connect(f"/listen/{kitchen}") as ann,
        example.connect(f"/listen/{kitchen}") as bob,
        example.connect(f"/listen/{hall}") as carol,
    ):
        await example.eventually(functools.partial(announce, example, "/announce", "Good morning"), 3)
        assert await announce(example, f"/announce/{kitchen}", "Dinner") == 2
        assert await announce(example, f"/announce/{hall}", "Post") == 1
        assert await announce(example, f"/announce/{example.unique('cellar')}", "Anybody?") == 0
        assert await announce(example, "/announce", "Good night") == 3
        for listener, expected in [(ann, "Dinner"), (bob, "Dinner"), (carol, "Post")]:
            heard = await example.receive_until(listener, "Good night")
            assert set(heard[:-2]) == {"Good morning"}
            assert heard[-2] == expected


@pytest.mark.parametrize("way_to_leave", ["close", "hang_up", "abort"])
async def test_who_left_is_not_counted(example, way_to_leave):
    room = example.unique("room")
    announcement = functools.partial(announce, example, f"/announce/{room}", "Who is here?")
    async with example.connect(f"/listen/{room}") as staying, example.connect(f"/listen/{room}") as leaving:
        await example.eventually(announcement, 2)
        await getattr(leaving, way_to_leave)()
        await example.eventually(announcement, 1, seconds=2)
        assert await announce(example, f"/announce/{room}", "The end") == 1
        await example.receive_until(staying, "The end")


@pytest.mark.parametrize("path", ["/announce", "/announce/kitchen"])
@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"text": 1}'])
async def test_announcement_without_text_is_a_bad_request(example, path, body):
    response = await example.request("POST", path, body=body)
    assert response.status == 400
    assert "error" in response.json()
