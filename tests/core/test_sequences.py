"""The numbers of messages between processes."""

from __future__ import annotations

import pytest

from anysocket import _sequences
from anysocket._sequences import Arrivals, Numbering

ADA, BOB = b"ada", b"bob"


def test_each_topic_is_counted_apart() -> None:
    numbering = Numbering()
    assert [numbering.next(topic) for topic in "aabab"] == [1, 2, 1, 3, 2]


def test_what_is_missing_is_noticed() -> None:
    arrivals = Arrivals()
    assert [arrivals.missed("a", ADA, number) for number in (5, 6, 9, 10)] == [0, 0, 2, 0]


def test_publishers_and_topics_have_nothing_to_do_with_each_other() -> None:
    arrivals = Arrivals()
    came = [("a", ADA, 1), ("a", BOB, 7), ("b", ADA, 3), ("a", ADA, 2), ("a", BOB, 8), ("b", ADA, 4)]
    assert [arrivals.missed(*each) for each in came] == [0] * 6


def test_what_comes_late_or_twice_is_told() -> None:
    arrivals = Arrivals()
    assert [arrivals.missed("a", ADA, number) for number in (4, 6, 5, 6, 7)] == [0, 1, None, None, 0]


def test_who_begins_anew_is_believed() -> None:
    arrivals = Arrivals()
    assert [arrivals.missed("a", ADA, number) for number in (4, 1, 2)] == [0, 0, 0]


def test_what_is_published_while_nobody_listens_is_not_missed() -> None:
    arrivals = Arrivals()
    arrivals.missed("a", ADA, 1)
    arrivals.forget("a")
    arrivals.forget("a")
    assert arrivals.missed("a", ADA, 9) == 0


def test_neither_side_grows_without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sequences, "MAX_COUNTED", 3)
    monkeypatch.setattr(_sequences, "MAX_NODES", 3)
    numbering, arrivals = Numbering(), Arrivals()
    assert [numbering.next(topic) for topic in "abcadaab"] == [1, 1, 1, 2, 1, 3, 4, 1]
    for node in b"abcdefgh":
        arrivals.missed("a", bytes([node]), 1)
    assert len(arrivals._last["a"]) == 3
