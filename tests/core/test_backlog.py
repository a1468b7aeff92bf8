"""What waits, in order and within bounds (contract 6.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysocket._backlog import Backlog, Post
from anysocket._policy import Conflate, OutboxPolicy, conflate

BY_KEY = conflate(len)


def backlog(max_messages: int = 4, max_bytes: int = 100) -> Backlog:
    empty = Backlog()
    empty.max_messages, empty.max_bytes = max_messages, max_bytes
    return empty


def add(backlog: Backlog, data: str, policy: OutboxPolicy, key: Hashable = None) -> bool:
    return backlog.add(data, len(data), policy, key)


def waiting(backlog: Backlog) -> list[str | bytes]:
    return [entry.data for entry in backlog.entries if isinstance(entry, Post)]


# -- the policies, one by one --


@pytest.mark.parametrize("policy", ["disconnect", "drop_newest"])
def test_what_has_no_room_is_not_taken(policy: OutboxPolicy) -> None:
    some = backlog(2)
    assert [add(some, data, policy) for data in "abc"] == [True, True, False]
    assert waiting(some) == ["a", "b"]
    assert (some.messages, some.bytes, some.messages_dropped, some.bytes_dropped) == (2, 2, 1, 1)


def test_drop_oldest_makes_room_for_the_newest() -> None:
    some = backlog(3, 10)
    for data in ("aaa", "bbb", "ccc", "d"):
        assert add(some, data, "drop_oldest")
    assert waiting(some) == ["bbb", "ccc", "d"]
    assert add(some, "e" * 6, "drop_oldest")
    assert waiting(some) == ["ccc", "d", "e" * 6]
    assert (some.bytes, some.messages_dropped, some.bytes_dropped) == (10, 2, 6)


def test_block_is_taken_as_its_broadcast_has_waited() -> None:
    some = backlog(1)
    assert add(some, "a", "block") and not some.fits(1)
    assert add(some, "b", "block")
    assert waiting(some) == ["a", "b"]


def test_block_pushes_out_what_may_be_dropped_too() -> None:
    """What waits stays within its bounds: there is room for it only in the place of those."""
    some = backlog(2, 10)
    assert add(some, "aaaa", "drop_oldest") and add(some, "bbbb", "drop_oldest")
    assert some.fits(8) and add(some, "c" * 8, "block")
    assert waiting(some) == ["c" * 8]
    assert (some.messages, some.bytes, some.messages_dropped) == (1, 8, 2)


def test_conflate_keeps_the_newest_of_each_key_in_the_place_of_the_oldest() -> None:
    some = backlog(3)
    for data, key in [("a1", "a"), ("b1", "b"), ("a2, longer", "a"), ("c1", "c"), ("b2", "b"), ("a3", "a")]:
        assert add(some, data, BY_KEY, key)
    assert waiting(some) == ["a3", "b2", "c1"]
    assert (some.messages, some.bytes, some.messages_dropped, some.bytes_dropped) == (3, 6, 3, 14)
    assert not add(some, "d1", BY_KEY, "d")
    some.pop()
    assert add(some, "a4", BY_KEY, "a")
    assert waiting(some) == ["b2", "c1", "a4"]


def test_a_newer_message_that_is_too_long_is_not_taken() -> None:
    some = backlog(4, 10)
    assert add(some, "aaa", BY_KEY, "a") and add(some, "bbb", BY_KEY, "b")
    assert not add(some, "a" * 8, BY_KEY, "a")
    assert waiting(some) == ["aaa", "bbb"]


# -- several at once --


@pytest.mark.parametrize("policy", ["disconnect", "drop_newest", BY_KEY])
def test_any_message_pushes_out_what_may_be_dropped_and_nothing_else(policy: OutboxPolicy) -> None:
    some = backlog(3)
    for data, its in [("kept", "disconnect"), ("dropped", "drop_oldest"), ("kept too", "block")]:
        assert add(some, data, its)  # type: ignore[arg-type]
    key = "key" if isinstance(policy, Conflate) else None
    assert add(some, "new", policy, key)
    assert waiting(some) == ["kept", "kept too", "new"]
    assert not add(some, "newer", policy, key and "another")


def test_drop_oldest_drops_itself_where_nothing_else_may_be_dropped() -> None:
    some = backlog(1)
    assert add(some, "kept", "disconnect")
    assert not add(some, "new", "drop_oldest")
    assert waiting(some) == ["kept"]


def test_nothing_is_dropped_for_what_would_not_fit_all_the_same() -> None:
    some = backlog(4, 10)
    assert add(some, "kept", "disconnect") and add(some, "aa", "drop_oldest")
    assert not add(some, "x" * 7, "disconnect")
    assert waiting(some) == ["kept", "aa"]


async def test_turns_are_neither_counted_nor_dropped_and_keep_their_places() -> None:
    some = backlog(2)
    turns = [asyncio.get_running_loop().create_future() for _ in range(3)]
    some.add_turn(turns[0])
    assert add(some, "a", "drop_oldest")
    some.add_turn(turns[1])
    for data in "bcd":
        assert add(some, data, "drop_oldest")
    some.add_turn(turns[2])
    entries = [some.pop() for _ in range(len(some.entries))]
    assert [entry.data if isinstance(entry, Post) else turns.index(entry) for entry in entries] == [
        0,
        1,
        "c",
        "d",
        2,
    ]


def test_one_message_fits_whatever_its_size() -> None:
    """Else a broadcast that blocks would wait for ever."""
    some = backlog(4, 10)
    assert some.fits(1000) and add(some, "x" * 1000, "disconnect")
    assert not some.fits(1)


def test_dropping_all_posts_counts_them_and_leaves_turns() -> None:
    some = backlog(4)
    for data in ("a", "bb"):
        add(some, data, BY_KEY, data)
    some.drop_posts()
    some.drop_posts()
    assert not some.entries and (some.messages, some.bytes) == (0, 0)
    assert (some.messages_dropped, some.bytes_dropped) == (2, 3)
    assert add(some, "a", BY_KEY, "a")


POLICIES: list[OutboxPolicy] = ["disconnect", "drop_oldest", "drop_newest", BY_KEY]


@given(
    st.lists(st.tuples(st.sampled_from(POLICIES), st.integers(0, 12), st.integers(0, 2)) | st.none()),
    st.integers(1, 5),
    st.integers(1, 20),
)
def test_bounds_order_and_counters_hold_whatever_comes(
    steps: list[tuple[OutboxPolicy, int, int] | None], max_messages: int, max_bytes: int
) -> None:
    """``None`` is a message that is taken away. No message is lost without being counted."""
    some = backlog(max_messages, max_bytes)
    added = popped = 0
    for number, step in enumerate(steps):
        if step is None:
            if some.entries:
                some.pop()
                popped += 1
            continue
        policy, size, key = step
        before = waiting(some)
        room = some.fits(size)
        taken = add(
            some, f"{number:02}"[:2].ljust(size, ".")[:size], policy, key if policy is BY_KEY else None
        )
        added += 1
        assert taken or not room or policy is BY_KEY
        assert taken or waiting(some) == before
        posts = [entry for entry in some.entries if isinstance(entry, Post)]
        assert some.messages == len(posts) and some.bytes == sum(post.size for post in posts)
        assert some.messages <= max_messages
        assert some.bytes <= max_bytes or some.messages == 1
        assert some._droppable == sum(post.droppable for post in posts)
        assert some._droppable_bytes == sum(post.size for post in posts if post.droppable)
        assert added == popped + some.messages + some.messages_dropped
