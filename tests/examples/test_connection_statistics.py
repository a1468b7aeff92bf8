"""Each connection knows what it did, and the endpoint lists those who are there and their rooms."""

from __future__ import annotations

from kinds import each_kind
from peers import receive_data

pytestmark = each_kind

APP = "examples.connection_statistics:app"


async def test_own_statistics_count_what_was_received(example):
    async with example.connect(f"/rooms/{example.unique('room')}") as peer:
        await peer.receive_json()
        for message in ("12345", b"\x00\xff"):
            await peer.send(message)
            assert await receive_data(peer) == message
        await peer.send("statistics")
        own = await peer.receive_json()
    assert own["messages_received"] == 3
    assert own["bytes_received"] == 5 + 2 + len("statistics")
    assert (own["messages_sent"], own["messages_dropped"]) == (3, 0)
    assert 0 <= own["seconds_connected"] < 60


async def test_endpoint_lists_connections_rooms_and_sizes(example):
    kitchen, hall = example.unique("kitchen"), example.unique("hall")
    async with example.connect(f"/rooms/{hall}") as carol:
        carols_id = (await carol.receive_json())["id"]
        async with example.connect(f"/rooms/{kitchen}") as ann, example.connect(f"/rooms/{kitchen}") as bob:
            anns_id = (await ann.receive_json())["id"]
            bobs_id = (await bob.receive_json())["id"]
            await ann.send("Hello")
            assert [await ann.receive_text(), await bob.receive_text()] == ["Hello", "Hello"]
            listed = await example.get("/statistics")
            anns = listed["connections"][anns_id]
            assert (anns["rooms"], anns["messages_received"], anns["bytes_received"]) == ([kitchen], 1, 5)
            assert listed["connections"][bobs_id]["messages_received"] == 0
            assert listed["connections"][carols_id]["rooms"] == [hall]
            assert (listed["rooms"][kitchen], listed["rooms"][hall]) == (2, 1)
            await ann.close()
            await bob.abort()

            async def what_is_left():
                now = await example.get("/statistics")
                return {kitchen} & now["rooms"].keys() | {anns_id, bobs_id} & now["connections"].keys()

            await example.eventually(what_is_left, set(), seconds=2)
        assert (await example.get("/statistics"))["rooms"][hall] == 1
