"""A connection is found by its addresses, and no other one is ended."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from anysocket import Address
from anysocket_rsgi import _tcp
from anysocket_rsgi._tcp import end_tcp

Pair = tuple[socket.socket, socket.socket]


def connect(family: socket.AddressFamily, host: str) -> Pair:
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2], timeout=5)
        served, _ = listener.accept()
        return served, client


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def pairs(request: pytest.FixtureRequest) -> Iterator[tuple[Pair, Pair]]:
    """Two connections, each with its server's end first."""
    both = connect(*request.param), connect(*request.param)
    yield both
    for each in (*both[0], *both[1]):
        each.close()


def addresses(served: socket.socket) -> tuple[Address, Address]:
    return Address(*served.getsockname()[:2]), Address(*served.getpeername()[:2])


def test_connection_is_ended_although_its_peer_does_not_read(pairs: tuple[Pair, Pair]) -> None:
    (served, client), (_, other) = pairs
    served.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            served.send(bytes(1 << 16))
    files = os.listdir(_tcp.OPEN_FILES)
    end_tcp(*addresses(served))
    with pytest.raises(BrokenPipeError):
        served.send(b"more")
    while client.recv(1 << 20):
        pass
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(1)
    assert os.listdir(_tcp.OPEN_FILES) == files


def test_unknown_connection_is_none(pairs: tuple[Pair, Pair]) -> None:
    server, client = addresses(pairs[0][0])
    end_tcp(server, Address(client.host, 0))
    end_tcp(client, Address("testclient", 50000))
    end_tcp(None, client)
    end_tcp(server, None)
    assert pairs[0][1].send(b"on") == 2 and pairs[0][0].recv(2) == b"on"


def test_system_that_does_not_list_open_files(
    pairs: tuple[Pair, Pair], monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setattr(_tcp, "OPEN_FILES", os.fspath(tmp_path) + "/none")
    end_tcp(*addresses(pairs[0][0]))
    assert pairs[0][1].send(b"on") == 2 and pairs[0][0].recv(2) == b"on"
