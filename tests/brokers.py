"""Brokers as processes, each on a free port of this test's own, and what can happen to them."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anysocket_servers._ports import claim_port

START_TIMEOUT = 10.0


class Broker:
    """A broker that may be killed, paused and started again where it was. ``url`` is a backplane's."""

    def __init__(
        self, name: str, url: str, port: int, command: list[str], log: Path, *, is_reachable: bool = True
    ) -> None:
        self.name = name
        self.url = url
        self.port = port
        self._command = command
        self._log = log
        self._is_reachable = is_reachable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        end = time.monotonic() + START_TIMEOUT
        while not self._answers():
            assert self._process.poll() is None, f"{self.name} has ended:\n{self._log.read_text()}"
            assert time.monotonic() < end, f"{self.name} does not listen:\n{self._log.read_text()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """As the out-of-memory killer does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_TIMEOUT)
            self._process = None

    def pause(self) -> None:
        """It does nothing any more, but its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        if not self._is_reachable:
            return True
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def free_port() -> int:
    """Claimed for as long as this process lives: brokers come back where they were."""
    return claim_port("127.0.0.1")


def binary(name: str) -> str:
    """The broker's program; the test is skipped, by its name, where there is none."""
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/usr/sbin") or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def redis_broker(folder: Path) -> Broker:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    command = [binary("redis-server"), *options]
    return Broker("redis-server", f"redis://127.0.0.1:{port}", port, command, folder / "redis.log")


def nats_broker(folder: Path) -> Broker:
    port = free_port()
    command = [binary("nats-server"), "-a", "127.0.0.1", "-p", str(port)]
    return Broker("nats-server", f"nats://127.0.0.1:{port}", port, command, folder / "nats.log")


def running(make: Callable[[Path], Broker], folder: Path) -> Iterator[Broker]:
    """A broker while a fixture lasts."""
    broker = make(folder)
    broker.start()
    yield broker
    broker.kill()
