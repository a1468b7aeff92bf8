"""Named sets of connections."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysocket import LimitExceeded
from anysocket._groups import Groups, Ids

STEPS = st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from("xyz"))


@given(st.lists(STEPS))
def test_both_ways_say_the_same_and_nothing_empty_is_kept(steps: list[tuple[bool, str, str]]) -> None:
    groups, pairs = Groups[str](), set[tuple[str, str]]()
    for joins, id, name in steps:
        if joins:
            assert groups.join(id, name, id.upper()) == ((id, name) not in pairs)
            pairs.add((id, name))
        else:
            assert groups.leave(id, name) == ((id, name) in pairs)
            pairs.discard((id, name))
    assert {(id, name) for name, members in groups.members.items() for id in members} == pairs
    assert all(members[id] == id.upper() for members in groups.members.values() for id in members)
    assert {(id, name) for id, names in groups.names.items() for name in names} == pairs
    assert all(groups.members.values()) and all(groups.names.values())


def seconds_for(groups: Groups[None], count: int) -> float:
    """For so many joins, lookups and leaves, at the best of three."""
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        for number in range(count):
            groups.join("ann", f"new {number}", None)
            assert len(groups.members[f"new {number}"]) == 1
        for number in range(count):
            groups.leave("ann", f"new {number}")
        best = min(best, time.perf_counter() - begin)
    return best


def test_a_hundred_thousand_groups_cost_what_a_few_do() -> None:
    few, many = Groups[None](), Groups[None]()
    for number in range(100_000):
        many.join(f"{number % 1000}", f"{number}", None)
    assert seconds_for(many, 5000) < 5 * seconds_for(few, 5000)


def test_a_group_takes_no_more_members_than_it_may() -> None:
    groups = Groups[None](members=("connections_per_room", 2))
    assert groups.join("a", "x", None) and groups.join("b", "x", None)
    with pytest.raises(LimitExceeded) as exceeded:
        groups.join("c", "x", None)
    assert (exceeded.value.limit, exceeded.value.value) == ("connections_per_room", 2)
    assert not groups.join("a", "x", None) and groups.join("c", "y", None)
    assert Ids(groups.members) == {"x": {"a", "b"}, "y": {"c"}}


def test_an_id_is_in_no_more_groups_than_it_may() -> None:
    groups = Groups[None](names=("rooms_per_connection", 2))
    assert groups.join("a", "x", None) and groups.join("a", "y", None)
    with pytest.raises(LimitExceeded) as exceeded:
        groups.join("a", "z", None)
    assert (exceeded.value.limit, exceeded.value.value) == ("rooms_per_connection", 2)
    assert not groups.join("a", "x", None) and groups.join("b", "z", None)
    assert groups.names == {"a": {"x", "y"}, "b": {"z"}}
