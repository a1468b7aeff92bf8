"""A wrong message is answered with what is wrong with it, and the next one is served all the same."""

from __future__ import annotations

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.validation:app"
ORDER = {"item": "tea", "quantity": 2}


async def test_good_orders_are_accepted(example):
    async with example.connect("/orders") as peer:
        for order in (ORDER, {"item": "cocoa", "quantity": 100}):
            assert await example.ask(peer, order) == {"accepted": order}


NOT_JSON = {"word": "tea", "cut": "{", "bytes": b"\xff\xfe", "deep": "[" * 100_000, "long": "9" * 10_000}


@pytest.mark.parametrize("message", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_not_json_is_answered_and_forgiven(example, message):
    async with example.connect("/orders") as peer:
        await peer.send(message)
        assert await peer.receive_json() == {"error": "this is not JSON text"}
        assert await example.ask(peer, ORDER) == {"accepted": ORDER}


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("null", None),
        ("[1, 2]", None),
        ("{}", "item"),
        ('{"item": "beer", "quantity": 1}', "item"),
        ('{"item": ["tea"], "quantity": 1}', "item"),
        ('{"item": "tea"}', "quantity"),
        ('{"item": "tea", "quantity": 0}', "quantity"),
        ('{"item": "tea", "quantity": 101}', "quantity"),
        ('{"item": "tea", "quantity": true}', "quantity"),
        ('{"item": "tea", "quantity": "2"}', "quantity"),
        ('{"item": "tea", "quantity": 1, "price": 0}', "price"),
    ],
)
async def test_answer_names_the_wrong_field(example, message, field):
    async with example.connect("/orders") as peer:
        await peer.send(message)
        answer = await peer.receive_json()
        assert answer["field"] == field
        assert answer["error"]
        assert await example.ask(peer, ORDER) == {"accepted": ORDER}
