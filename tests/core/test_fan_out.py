"""Broadcasts to members that are slow, by each policy, and to several rooms (contract 6.3 to 6.5)."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest

from anysocket import OutboxPolicy, WebSocketManager, conflate
from core.fake_transport import FakeTransport, settle, soon
from core.members import add, is_empty


def small(policy: OutboxPolicy = "disconnect", messages: int = 2) -> WebSocketManager:
    """A manager of small outboxes."""
    return WebSocketManager(max_outbox_messages=messages, max_outbox_bytes=100, policy=policy)


async def add_slow(manager: WebSocketManager, id: str, *rooms: str) -> FakeTransport:
    """A member that has stopped reading: a first message is on its way already."""
    transport = await add(manager, id, *rooms)
    transport.hold_sends()
    assert await manager.send_to(id, "on its way", policy="disconnect")
    return transport


async def got(transport: FakeTransport) -> list[str | bytes]:
    """What comes once the peer reads on."""
    transport.let_sends_go()
    await settle()
    return transport.sent[1:]


# -- the policies --


async def test_bounds_are_the_managers() -> None:
    manager = small()
    slow = await add_slow(manager, "slow")
    assert [await manager.send_to("slow", data) for data in "abc"] == [True, True, False]
    assert not manager.connections
    assert await got(slow) == []
    assert slow.close_frame == (1013, "slow consumer")


@pytest.mark.parametrize("name", ["max_outbox_bytes", "max_outbox_messages"])
@pytest.mark.parametrize("value", [0, -1, None, "1", 1.5])
async def test_bounds_are_positive(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a positive int"):
        WebSocketManager(**{name: value})


@pytest.mark.parametrize("message", [b"x" * 101, "x" * 101, "é" * 51])
async def test_a_message_above_the_bound_is_the_callers_error(message: str | bytes) -> None:
    """Whatever waits already: by chance it would fit now and then."""
    manager = small()
    transport = await add(manager, "ann", "room")
    with pytest.raises(ValueError, match=r"of 10[12] bytes exceeds max_outbox_bytes=100"):
        await manager.broadcast_to_room("room", message)
    assert transport.sent == [] and await manager.send_to("ann", "é" * 50)


async def test_drop_oldest() -> None:
    manager = small("drop_oldest")
    slow, fast = await add_slow(manager, "slow"), await add(manager, "fast")
    for data in "abcde":
        assert await manager.broadcast_to_all(data) == 2
    assert fast.sent == list("abcde")
    assert manager.connections["slow"].statistics.messages_dropped == 3
    assert await got(slow) == ["d", "e"]


async def test_drop_newest() -> None:
    manager = small("drop_newest")
    slow, fast = await add_slow(manager, "slow"), await add(manager, "fast")
    assert [await manager.broadcast_to_all(data) for data in "abcde"] == [2, 2, 1, 1, 1]
    assert fast.sent == list("abcde")
    assert await got(slow) == ["a", "b"]


def symbol(message: str | bytes) -> object:
    return json.loads(message)["symbol"]


async def test_conflate_keeps_the_newest_of_each_key() -> None:
    manager = small(conflate(symbol))
    slow, fast = await add_slow(manager, "slow"), await add(manager, "fast")
    prices = [json.dumps({"symbol": "AB"[number % 2], "price": number}) for number in range(10)]
    for price in prices:
        assert await manager.broadcast_to_all(price) == 2
    assert fast.sent == prices
    assert await got(slow) == prices[-2:]


async def test_keys_of_different_rooms_have_nothing_to_do_with_each_other() -> None:
    manager = small(conflate(len), messages=4)
    slow = await add_slow(manager, "slow", "a", "b")
    for message, room in [("1", "a"), ("2", "b"), ("3", "a")]:
        await manager.broadcast_to_room(room, message)
    await manager.broadcast_to_all("4")
    assert await got(slow) == ["3", "2", "4"]


@pytest.mark.parametrize(("key", "error"), [(symbol, ValueError), (lambda message: [message], TypeError)])
async def test_a_key_that_fails_is_the_callers_error_and_nobody_gets_the_message(
    key: Any, error: type[Exception]
) -> None:
    manager = small(conflate(key))
    slow, fast = await add_slow(manager, "slow"), await add(manager, "fast")
    with pytest.raises(error):
        await manager.broadcast_to_all("no JSON")
    assert fast.sent == [] and await got(slow) == []


# -- block --


async def test_block_waits_for_room_everywhere_and_only_the_caller_waits() -> None:
    manager = small()
    slow, fast = await add_slow(manager, "slow", "room"), await add(manager, "fast", "room")
    for data in "ab":
        assert await manager.broadcast_to_room("room", data, policy="block") == 2
    blocked = asyncio.create_task(manager.broadcast_to_room("room", "c", policy="block"))
    await settle()
    assert not blocked.done()
    assert await manager.broadcast_to_room("room", "meanwhile", exclude="slow") == 1
    assert fast.sent == ["a", "b", "meanwhile"]
    assert await got(slow) == ["a", "b", "c"]
    assert await soon(blocked) == 2
    assert fast.sent[-1] == "c"


async def test_broadcasts_that_block_keep_their_order_and_everyone_sees_the_same() -> None:
    """Contract 6.5."""
    manager = small("block")
    members = [await add(manager, f"{number}") for number in range(3)]
    for member in members[:2]:
        member.hold_sends()
    calls = [asyncio.create_task(manager.broadcast_to_all(f"{number}")) for number in range(20)]
    for number in range(200):
        await asyncio.sleep(0)
        member = members[number % 2]
        member.let_sends_go()
        await asyncio.sleep(0)
        member.hold_sends()
    for member in members[:2]:
        member.let_sends_go()
    assert await soon(asyncio.gather(*calls)) == [3] * 20
    await settle()
    assert [member.sent for member in members] == [[f"{number}" for number in range(20)]] * 3


async def test_what_waits_is_bounded_however_many_block() -> None:
    manager = small("block")
    slow = await add_slow(manager, "slow")
    calls = [asyncio.create_task(manager.broadcast_to_all(f"{number}")) for number in range(50)]
    await settle()
    assert manager.connections["slow"].statistics.messages_queued == 2
    assert await got(slow) == [f"{number}" for number in range(50)]
    await soon(asyncio.gather(*calls))


async def test_a_cancelled_wait_has_sent_to_nobody() -> None:
    manager = small("block")
    slow, fast = await add_slow(manager, "slow"), await add(manager, "fast")
    for data in "ab":
        await manager.broadcast_to_all(data)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(manager.broadcast_to_all("c"), 0.01)
    assert await got(slow) == fast.sent == ["a", "b"]
    assert await soon(manager.broadcast_to_all("d")) == 2


@pytest.mark.parametrize("how", ["ends", "leaves", "removed"])
async def test_a_member_that_is_gone_is_not_waited_for(how: str) -> None:
    manager = small("block")
    slow, fast = await add_slow(manager, "slow", "room"), await add(manager, "fast", "room")
    for data in "ab":
        await manager.broadcast_to_room("room", data)
    blocked = asyncio.create_task(manager.broadcast_to_room("room", "c"))
    await settle()
    if how == "ends":
        slow.peer_is_lost()
    elif how == "leaves":
        manager.leave_room("slow", "room")
    else:
        manager.remove_connection("slow")
    assert await soon(blocked) == 1
    assert fast.sent == ["a", "b", "c"]


async def test_who_joins_while_a_broadcast_waits_gets_it_too() -> None:
    manager = small("block")
    slow = await add_slow(manager, "slow", "room")
    for data in "ab":
        await manager.broadcast_to_room("room", data)
    blocked = asyncio.create_task(manager.broadcast_to_room("room", "c"))
    await settle()
    late = await add(manager, "late", "room")
    slow.let_sends_go()
    assert await soon(blocked) == 2
    assert late.sent == ["c"]


async def test_whoever_is_excluded_is_not_waited_for() -> None:
    manager = small("block")
    await add_slow(manager, "slow")
    for data in "ab":
        await manager.broadcast_to_all(data)
    fast = await add(manager, "fast")
    assert await soon(manager.broadcast_to_all("c", exclude="slow")) == 1
    assert fast.sent == ["c"]


# -- whose policy it is --


async def test_a_broadcasts_policy_comes_before_the_rooms_and_that_before_the_managers() -> None:
    manager = small("disconnect")
    manager.set_room_policy("cursors/*", "drop_newest")
    slow = await add_slow(manager, "slow", "cursors/1", "chat")
    for data in "abc":
        await manager.broadcast_to_room("cursors/1", data)
    assert not await manager.send_to("slow", "d", policy="drop_newest")
    assert slow.close_frame is None and not manager.connections["slow"].closed
    await manager.broadcast_to_room("chat", "e")
    assert not manager.connections


async def test_a_policy_that_is_none_is_the_callers_error() -> None:
    manager = small()
    wrong: Any = "drop"
    for call in (
        manager.broadcast_to_all("x", policy=wrong),
        manager.broadcast_to_room("room", "x", policy=wrong),
        manager.send_to("ann", "x", policy=wrong),
    ):
        with pytest.raises(ValueError, match="not 'drop'"):
            await call
    with pytest.raises(ValueError, match="not 'drop'"):
        manager.set_room_policy("room", wrong)
    with pytest.raises(ValueError, match="1 to 255 characters"):
        manager.set_room_policy("", "block")


async def come_and_go(manager: WebSocketManager, room: str) -> None:
    transport = await add(manager, "ann", room)
    await manager.broadcast_to_room(room, "x")
    transport.peer_is_lost()
    await settle()


async def test_policies_of_rooms_that_come_and_go_leave_nothing_behind() -> None:
    manager = small()
    manager.set_room_policy("doc/*", "drop_oldest")
    for number in range(1000):
        await come_and_go(manager, f"doc/{number}")
    manager.set_room_policy("doc/*", None)
    gc.collect()
    assert is_empty(manager)


# -- several rooms --


async def test_several_rooms_serve_each_connection_once() -> None:
    manager = small()
    both, left, right, other = [
        await add(manager, id, *rooms)
        for id, rooms in [("both", "lr"), ("left", "l"), ("right", "r"), ("other", "o")]
    ]
    assert await manager.broadcast_to_rooms(["l", "r", "nowhere"], "hello") == 3
    assert await manager.broadcast_to_rooms(iter("rl"), b"\x00", exclude=["left"]) == 2
    assert await manager.broadcast_to_rooms([], "nobody") == 0
    assert [member.sent for member in (both, left, right, other)] == [
        ["hello", b"\x00"],
        ["hello"],
        ["hello", b"\x00"],
        [],
    ]
    with pytest.raises(TypeError, match="use broadcast_to_room"):
        await manager.broadcast_to_rooms("room", "hello")


async def test_each_is_served_by_the_policy_of_the_first_room_it_is_in() -> None:
    manager = small()
    manager.set_room_policy("drops", "drop_newest")
    slow = await add_slow(manager, "slow", "drops", "closes")
    for data in "abc":
        await manager.broadcast_to_rooms(["drops", "closes"], data)
    assert not manager.connections["slow"].closed
    await manager.broadcast_to_rooms(["closes", "drops"], "d")
    assert not manager.connections
    assert await got(slow) == []


async def test_a_member_that_dies_on_the_way_is_served_once_at_most() -> None:
    manager = small()
    dead, fine = await add(manager, "dead", "a", "b"), await add(manager, "fine", "b")
    dead.send_fails_with = BrokenPipeError()
    assert await manager.broadcast_to_rooms(["a", "b"], "x") == 1
    assert fine.sent == ["x"] and list(manager.connections) == ["fine"]
