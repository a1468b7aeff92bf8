"""Nothing that a client sends, and no helper that fails or hangs, ends the connection."""

from __future__ import annotations

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.robust_handler:app"


async def works(example, peer):
    return await example.ask(peer, {"action": "divide", "a": 6, "b": 3}) == {"result": 2.0}


@pytest.mark.parametrize(
    "message", ["no JSON", "{", b"\xff", "[" * 100_000], ids=["word", "cut", "bytes", "deep"]
)
async def test_bad_json_is_answered(example, message):
    async with example.connect("/calculate") as peer:
        await peer.send(message)
        assert await peer.receive_json() == {"error": "this is not JSON text"}
        assert await works(example, peer)


@pytest.mark.parametrize("command", [None, [], "divide", {}, {"action": "explode"}, {"action": ["divide"]}])
async def test_unknown_action_is_answered(example, command):
    async with example.connect("/calculate") as peer:
        assert await example.ask(peer, command) == {"error": "action must be one of divide, reverse, ask"}
        assert await works(example, peer)


@pytest.mark.parametrize("arguments", [{"a": 1, "b": 0}, {"a": 1}, {"a": "one", "b": "two"}])
async def test_failing_helper_is_answered_and_its_traceback_logged(example, arguments):
    async with example.connect("/calculate") as peer:
        assert await example.ask(peer, {"action": "divide", **arguments}) == {"error": "divide failed"}
        assert await works(example, peer)
    assert "Traceback" in await example.running.logged("helper divide failed")


async def test_helper_whose_result_is_no_json_is_answered(example):
    async with example.connect("/calculate") as peer:
        await peer.send('{"action": "divide", "a": 1e308, "b": 1e-308}')
        assert await peer.receive_json() == {"error": "divide failed"}
        assert await works(example, peer)


async def test_helper_that_never_finishes_is_given_up(example):
    async with example.connect("/calculate") as peer:
        assert await example.ask(peer, {"action": "ask"}) == {"error": "ask took too long"}
        assert await works(example, peer)


async def test_answers_come_in_the_order_of_the_requests(example):
    async with example.connect("/calculate") as peer:
        for request in ['{"action": "ask"}', "no JSON", '{"action": "reverse", "text": "abc"}']:
            await peer.send(request)
        answers = [await peer.receive_json() for _ in range(3)]
    assert answers == [{"error": "ask took too long"}, {"error": "this is not JSON text"}, {"result": "cba"}]
