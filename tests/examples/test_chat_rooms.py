"""A message reaches everyone in its room and nobody else; who leaves is gone."""

from __future__ import annotations

from kinds import each_kind

pytestmark = each_kind

APP = "examples.chat_rooms:app"


async def joined(example, room, size):
    """Wait until the room has so many members; None: until there is no such room."""

    async def members():
        return (await example.get("/rooms")).get(room)

    await example.eventually(members, size)


async def test_room_hears_text_and_bytes_and_other_rooms_do_not(example):
    kitchen, hall = example.unique("kitchen"), example.unique("hall")
    async with (
        example.connect(f"/rooms/{kitchen}") as ann,
        example.connect(f"/rooms/{kitchen}") as bob,
        example.connect(f"/rooms/{hall}") as carol,
    ):
        await joined(example, kitchen, 2)
        await joined(example, hall, 1)
        await ann.send("Hello")
        assert [await ann.receive_text(), await bob.receive_text()] == ["Hello", "Hello"]
        await bob.send(b"\x00\xff")
        assert [await ann.receive_bytes(), await bob.receive_bytes()] == [b"\x00\xff", b"\x00\xff"]
        await carol.send("Anybody?")
        assert await carol.receive_text() == "Anybody?"  # and none of the messages before it


async def test_everyone_hears_the_same_order(example):
    room = example.unique("room")
    async with example.connect(f"/rooms/{room}") as ann, example.connect(f"/rooms/{room}") as bob:
        await joined(example, room, 2)
        for number in range(20):
            await ann.send(f"ann {number}")
            await bob.send(f"bob {number}")
        heard_by_ann = [await ann.receive_text() for _ in range(40)]
        heard_by_bob = [await bob.receive_text() for _ in range(40)]
    assert heard_by_ann == heard_by_bob
    assert [line for line in heard_by_ann if line.startswith("ann")] == [
        f"ann {number}" for number in range(20)
    ]


async def test_who_leaves_is_gone_and_an_empty_room_too(example):
    room = example.unique("room")
    async with example.connect(f"/rooms/{room}") as ann:
        async with example.connect(f"/rooms/{room}") as bob, example.connect(f"/rooms/{room}") as carol:
            await joined(example, room, 3)
            await bob.abort()
            await carol.close()
            await joined(example, room, 1)
        await ann.send("Alone?")
        assert await ann.receive_text() == "Alone?"
    await joined(example, room, None)


async def test_room_names_may_be_any_text(example):
    ending = example.unique("")
    async with example.connect(f"/rooms/K%C3%BCche%20%F0%9F%8E%89{ending}") as peer:
        await joined(example, f"Küche 🎉{ending}", 1)
        await peer.send("Hello")
        assert await peer.receive_text() == "Hello"
