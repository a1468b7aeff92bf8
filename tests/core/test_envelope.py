"""What is around a message between processes."""

from __future__ import annotations

import pytest

from anysocket._envelope import Envelope, Kind, UnknownVersion, unpack

NODE = bytes(range(8))


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope(Kind.HERE, NODE, 0),
        Envelope(Kind.MESSAGE, NODE, 1, "grüße"),
        Envelope(Kind.MESSAGE, NODE, 2**64 - 1, b"\0\xff", ("a", "b"), ("x",), "drop_oldest"),
        Envelope(Kind.SEND, NODE, 7, "", ("房間 \ud800",), ("", "y" * 70_000), "block"),
        Envelope(Kind.MESSAGE, NODE, 3, b"", excluded=tuple(map(str, range(70_000)))),
    ],
)
def test_comes_out_as_it_went_in(envelope: Envelope) -> None:
    assert unpack(envelope.pack()) == envelope


def test_costs_a_few_bytes() -> None:
    assert len(Envelope(Kind.MESSAGE, NODE, 1, "text").pack()) == 27 + 4


def test_a_policy_with_a_function_stays_here() -> None:
    from anysocket import conflate

    assert unpack(Envelope(Kind.MESSAGE, NODE, 1, policy=conflate(len)).pack()).policy is None


@pytest.mark.parametrize("data", [b"", b"\x02 and more of the next version", b"hello"])
def test_another_version_is_told_from_ours(data: bytes) -> None:
    with pytest.raises(UnknownVersion):
        unpack(data)


@pytest.mark.parametrize("length", range(1, 31))
def test_a_part_is_no_envelope(length: int) -> None:
    data = Envelope(Kind.MESSAGE, NODE, 1, "", ("room",)).pack()[:length]
    with pytest.raises(ValueError, match="no envelope"):
        unpack(data)


def test_text_that_is_none_is_no_envelope() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        unpack(Envelope(Kind.MESSAGE, NODE, 1, "ü").pack()[:-1])
