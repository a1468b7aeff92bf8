"""Each limit holds, its refusal names it, and what is within the limits goes on."""

from __future__ import annotations

import functools

from kinds import each_kind

pytestmark = each_kind

APP = "examples.limits:app"


async def connections(example):
    return (await example.get("/connections"))["connections"]


async def idle(example):
    """Wait until the connections of the tests before have ended."""
    await example.eventually(functools.partial(connections, example), 0)


async def test_one_address_has_three_connections_and_no_more(example):
    await idle(example)
    room = f"/rooms/{example.unique('room')}"
    async with example.connect(room) as first, example.connect(room + "b"), example.connect(room + "c"):
        refused = await example.refused(room + "d")
        example.assert_refused(refused, 429, "connections_per_address")
        await first.send("Hello")
        assert await first.receive_text() == "Hello"


async def test_full_server_refuses_until_somebody_leaves(serve_example):
    example = serve_example(APP, environment={"MAX_CONNECTIONS": "2"})
    await idle(example)
    room = f"/rooms/{example.unique('room')}"
    async with example.connect(room):
        async with example.connect(room + "b") as leaving:
            example.assert_refused(await example.refused(room + "c"), 503, "connections")
            await leaving.abort()
            await example.eventually(functools.partial(connections, example), 1, seconds=2)
        async with example.connect(room + "c") as peer:
            await peer.send("Hello")
            assert await peer.receive_text() == "Hello"


async def test_full_room_turns_the_third_away_and_serves_its_members(example):
    await idle(example)
    room = f"/rooms/{example.unique('room')}"
    async with example.connect(room) as ann, example.connect(room) as bob:
        for peer in (ann, bob):
            await peer.send("here")
            await example.receive_until(peer, "here")
        async with example.connect(room) as carol:
            example.assert_closed(await carol.receive_close(), 1008, "connections_per_room")
        await ann.send("Just us")
        await example.receive_until(bob, "Just us")


async def test_sixth_message_at_once_closes_the_connection(example):
    await idle(example)
    async with example.connect(f"/rooms/{example.unique('room')}") as peer:
        for number in range(6):
            await peer.send(f"message {number}")
        assert [await peer.receive_text() for _ in range(5)] == [f"message {number}" for number in range(5)]
        example.assert_closed(await peer.receive_close(), 1008, "messages_per_second")


async def test_a_second_later_there_may_be_one_more(example):
    await idle(example)
    async with example.connect(f"/rooms/{example.unique('room')}") as peer:
        for number in range(5):
            await peer.send(f"message {number}")
            assert await peer.receive_text() == f"message {number}"
        await peer.receive_nothing(1.1)
        await peer.send("one more")
        assert await peer.receive_text() == "one more"
