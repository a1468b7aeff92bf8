"""One user gets the message, and whoever sent it learns what became of it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.private_messages:app"
MESSAGE = {"from": "bob", "text": "Hello"}


async def send_to(example, user, message=MESSAGE):
    """The status that answers a message to ``user``."""
    response = await example.request("POST", f"/messages/{user}", json=message)
    assert response.json()["delivered"] is (response.status == 200)
    return response.status


async def test_only_the_named_user_gets_it(example):
    ann, carol = example.unique("ann"), example.unique("carol")
    async with example.connect(f"/inbox/{ann}") as anns, example.connect(f"/inbox/{carol}") as carols:
        await example.eventually(functools.partial(send_to, example, ann), 200)
        assert await anns.receive_json() == MESSAGE
        await example.eventually(functools.partial(send_to, example, carol), 200)
        assert await carols.receive_json() == MESSAGE
        assert await send_to(example, carol, {"text": "Second"}) == 200
        assert await send_to(example, ann, {"text": "Third"}) == 200
        assert await carols.receive_json() == {"text": "Second"}
        assert await anns.receive_json() == {"text": "Third"}


async def test_user_who_never_came_is_not_online(example):
    assert await send_to(example, example.unique("nobody")) == 404


@pytest.mark.parametrize("way_to_leave", ["close", "hang_up", "abort"])
async def test_user_who_left_is_not_online_and_may_come_back(example, way_to_leave):
    ann = example.unique("ann")
    sending = functools.partial(send_to, example, ann)
    async with example.connect(f"/inbox/{ann}") as peer:
        await example.eventually(sending, 200)
        await getattr(peer, way_to_leave)()
        await example.eventually(sending, 404, seconds=2)
    async with example.connect(f"/inbox/{ann}") as peer:
        await example.eventually(sending, 200)
        assert await peer.receive_json() == MESSAGE


async def test_second_connection_of_a_user_is_turned_away(example):
    ann = example.unique("ann")
    async with example.connect(f"/inbox/{ann}") as first:
        await example.eventually(functools.partial(send_to, example, ann), 200)
        async with example.connect(f"/inbox/{ann}") as second:
            example.assert_closed(await second.receive_close(), 1008, "this user is already online")
        assert await first.receive_json() == MESSAGE
        assert await send_to(example, ann, {"text": "Still you?"}) == 200
        assert await first.receive_json() == {"text": "Still you?"}


async def test_failed_delivery_is_told(serve_example):
    example = serve_example("failing_delivery:app", folder=Path(__file__).parent)
    ann = example.unique("ann")
    async with example.connect(f"/broken/{ann}") as peer:
        assert await peer.receive_text() == "broken"
        assert await send_to(example, ann) == 500


async def test_message_that_is_not_json_is_a_bad_request(example):
    assert (await example.request("POST", "/messages/ann", body=b"Hello")).status == 400
