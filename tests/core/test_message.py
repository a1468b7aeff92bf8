"""One message (contract section 2)."""

from __future__ import annotations

import copy
import pickle

import pytest

from anysocket import Message
from anysocket._message import BytesMessage, DataMessage, TextMessage


def made(kind: type[DataMessage], data: str | bytes) -> Message:
    """As adapters make it."""
    message = kind()
    message.data = data
    return message


def test_data_messages_have_no_code() -> None:
    assert Message("text", "a").code is None
    assert Message("bytes", b"a").code is None


def test_a_close_carries_code_and_reason() -> None:
    close = Message("close", "bye", 4001, "bye")
    assert (close.type, close.code, close.reason) == ("close", 4001, "bye")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (Message("text", "hi"), "Message('text', 'hi')"),
        (Message("bytes", b"\x00"), r"Message('bytes', b'\x00')"),
        (Message("close", "bye", 4001, "bye"), "Message('close', code=4001, reason='bye')"),
    ],
)
def test_shows_what_came(message: Message, text: str) -> None:
    assert repr(message) == text


def test_equal_messages_are_equal_and_hash_alike() -> None:
    assert Message("text", "a") == Message("text", "a")
    assert len({Message("text", "a"), Message("text", "a"), Message("close", "", 1000)}) == 2


@pytest.mark.parametrize(
    "other",
    [
        Message("text", "b"),
        Message("bytes", b"a"),
        Message("text", "a", 1000),
        Message("text", "a", None, "x"),
        "a",
    ],
)
def test_different_messages_differ(other: object) -> None:
    assert Message("text", "a") != other


@pytest.mark.parametrize(
    ("arrived", "message"),
    [
        (made(TextMessage, "a"), Message("text", "a")),
        (made(BytesMessage, b"a"), Message("bytes", b"a")),
    ],
)
def test_one_that_arrived_is_as_one_that_a_program_makes(arrived: Message, message: Message) -> None:
    assert (arrived, hash(arrived), repr(arrived)) == (message, hash(message), repr(message))
    assert (arrived.type, arrived.code, arrived.reason) == (message.type, None, "")
    assert copy.copy(arrived) == pickle.loads(pickle.dumps(arrived)) == message


def test_matches_by_type_and_data() -> None:
    match Message("text", "join"):
        case Message("text", data):
            assert data == "join"
        case _:
            pytest.fail("no match")
