"""Which policy a message has (contract 6.4)."""

from __future__ import annotations

from typing import Any

import pytest

from anysocket import Conflate, WebSocketManager, conflate
from anysocket._policy import NAMES, Policies, check_policy


@pytest.mark.parametrize("policy", [*NAMES, conflate(len)])
def test_policies(policy: Any) -> None:
    check_policy(policy)
    assert Policies(policy).of("room") == policy


@pytest.mark.parametrize("policy", ["drop", "", None, 7, len])
def test_anything_else_is_refused_with_the_names(policy: Any) -> None:
    with pytest.raises(ValueError, match=r"'drop_oldest'.*or conflate\(key\), not"):
        WebSocketManager(policy=policy)


def test_conflate_takes_a_function() -> None:
    assert conflate(len) == Conflate(len)
    symbol: Any = "ABC"
    with pytest.raises(TypeError, match="'ABC'"):
        conflate(symbol)


def test_a_rooms_own_policy_comes_first_then_the_longest_beginning() -> None:
    policies = Policies("block")
    policies.set("prices/*", "drop_oldest")
    policies.set("prices/gold/*", "drop_newest")
    policies.set("prices/gold/last", "disconnect")
    rooms = ("other", "prices", "prices/", "prices/tin", "prices/gold/first", "prices/gold/last")
    assert [policies.of(room) for room in rooms] == [
        "block",
        "block",
        "drop_oldest",
        "drop_oldest",
        "drop_newest",
        "disconnect",
    ]


def test_none_takes_a_policy_back_and_nothing_is_kept() -> None:
    policies = Policies("block")
    for name in ("a", "b/*", "*"):
        policies.set(name, "drop_newest")
        policies.set(name, None)
        policies.set(name, None)
    assert policies.of("a") == policies.of("b/1") == "block"
    assert not policies._rooms and not policies._kinds
