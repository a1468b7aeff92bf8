"""The errors and their tree (contract section 9)."""

from __future__ import annotations

import copy
import pickle

import pytest

from anysocket import (
    BackplaneError,
    ConnectionClosed,
    Denied,
    LimitExceeded,
    PartitionError,
    UnsupportedByTransport,
    WebSocketStateError,
)


def test_every_failure_of_a_connection_is_a_connection_error() -> None:
    """Contract section 2: handlers written as ``except ConnectionError:`` work."""
    with pytest.raises(ConnectionError):
        raise ConnectionClosed(1006, "", "lost")


@pytest.mark.parametrize("misuse", [WebSocketStateError, UnsupportedByTransport])
def test_misuse_is_never_mistaken_for_a_peer_that_left(misuse: type[Exception]) -> None:
    """Contract section 9: misuse is a ``RuntimeError``, and what the server cannot do is misuse of it."""
    assert issubclass(misuse, WebSocketStateError)
    assert issubclass(misuse, RuntimeError)
    assert not issubclass(misuse, OSError)


@pytest.mark.parametrize("error", [Denied, LimitExceeded, BackplaneError, PartitionError])
def test_the_others_are_neither(error: type[Exception]) -> None:
    assert not issubclass(error, OSError | RuntimeError)


def test_the_end_says_code_reason_and_who() -> None:
    closed = ConnectionClosed(4001, "bye", "us")
    assert (closed.code, closed.reason, closed.by) == (4001, "bye", "us")


@pytest.mark.parametrize(
    ("closed", "text"),
    [
        (ConnectionClosed(1000), "connection closed by the peer, code 1000"),
        (ConnectionClosed(4001, "bye", "us"), "connection closed by us, code 4001 ('bye')"),
        (ConnectionClosed(1006, "", "lost"), "connection lost without a close frame, code 1006"),
    ],
)
def test_the_end_reads_as_a_sentence(closed: ConnectionClosed, text: str) -> None:
    assert str(closed) == text


def test_the_end_can_be_raised_again_without_its_old_traceback() -> None:
    first = ConnectionClosed(1001, "going", "peer")
    with pytest.raises(ConnectionClosed):
        raise first
    again = first.again()
    assert (again.code, again.reason, again.by) == (1001, "going", "peer")
    assert again.__traceback__ is None


def test_the_end_survives_a_process_pool() -> None:
    closed = pickle.loads(pickle.dumps(ConnectionClosed(4001, "bye", "us")))
    assert (closed.code, closed.reason, closed.by) == (4001, "bye", "us")
    assert copy.copy(closed).code == 4001


def test_a_refusal_says_its_status() -> None:
    denied = Denied(429, {"retry-after": "60"}, "slow down")
    assert str(denied) == "denied with HTTP status 429"
    assert (denied.status, denied.headers, denied.body) == (429, {"retry-after": "60"}, "slow down")


def test_a_limit_says_its_name_and_value() -> None:
    exceeded = LimitExceeded("max_connections", 100)
    assert str(exceeded) == "limit max_connections of 100 reached"
    assert (exceeded.limit, exceeded.value) == ("max_connections", 100)
