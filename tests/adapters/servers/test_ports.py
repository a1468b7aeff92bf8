"""Ports for servers, while other threads start processes."""

from __future__ import annotations

import socket
import subprocess
import threading

import pytest

from anysocket_servers import _ports
from anysocket_servers._ports import claim_port, give_back

HOST = "127.0.0.1"


def test_nobody_listens_on_a_claimed_port_whatever_is_started_at_that_time() -> None:
    ended = threading.Event()

    def start_processes() -> None:
        while not ended.is_set():
            subprocess.run(["true"], check=True, start_new_session=True)

    threads = [threading.Thread(target=start_processes) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        assert not any(accepts_once_claimed() for _ in range(500))
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def accepts_once_claimed() -> bool:
    port = claim_port(HOST)
    try:
        with socket.socket() as client:
            return client.connect_ex((HOST, port)) == 0
    finally:
        give_back(HOST, port)


def test_a_port_that_is_listened_on_or_claimed_is_given_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    port = claim_port(HOST)
    monkeypatch.setattr(_ports, "PORTS", range(port, port + 1))
    monkeypatch.setattr(_ports, "ATTEMPTS", 1)
    with pytest.raises(OSError, match="no free port"):
        claim_port(HOST)
    give_back(HOST, port)
    with socket.create_server((HOST, port)), pytest.raises(OSError, match="no free port"):
        claim_port(HOST)
    assert claim_port(HOST) == port
    give_back(HOST, port)
