"""Echo: anysocket beside the raw server, interleaved, medians of server CPU per message.

python -m benchmarks.echo                       both servers, 7 rounds
python -m benchmarks.echo --server granian-rsgi --rounds 11
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from anysocket_servers._ports import claim_port, give_back
from benchmarks.load import cpu_seconds, run_echo

ROOT = Path(__file__).parent.parent
SERVERS = {
    # name: (command without the app, the raw app)
    "granian-rsgi": (
        ["-m", "granian", "--interface", "rsgi", "--loop", "asyncio", "--port", "{port}"],
        "raw_rsgi",
    ),
    "granian-rsgi-mt": (
        [
            "-m",
            "granian",
            "--interface",
            "rsgi",
            "--runtime-mode",
            "mt",
            "--loop",
            "asyncio",
            "--port",
            "{port}",
        ],
        "raw_rsgi",
    ),
    "granian-asgi": (
        ["-m", "granian", "--interface", "asgi", "--loop", "asyncio", "--port", "{port}"],
        "raw_asgi",
    ),
    "uvicorn": (
        ["-m", "uvicorn", "--loop", "asyncio", "--log-level", "warning", "--port", "{port}"],
        "raw_asgi",
    ),
    "uvicorn-wsproto": (
        [
            "-m",
            "uvicorn",
            "--ws",
            "wsproto",
            "--loop",
            "asyncio",
            "--log-level",
            "warning",
            "--port",
            "{port}",
        ],
        "raw_asgi",
    ),
    "hypercorn": (["-m", "hypercorn", "--log-level", "warning", "-b", "127.0.0.1:{port}"], "raw_asgi"),
    "daphne": (["-m", "daphne", "-v", "0", "-p", "{port}"], "raw_asgi"),
}


@contextlib.contextmanager
def running(
    command: list[str], app: str, log: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[tuple[int, int]]:
    """A server process on a free port: its port and process id. ``log`` is where its output goes."""
    port = claim_port("127.0.0.1")
    process = subprocess.Popen(
        [sys.executable, *(part.format(port=port) for part in command), app],
        cwd=ROOT,
        start_new_session=True,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 15
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{command} does not listen")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        give_back("127.0.0.1", port)


def measure(port: int, pid: int, connections: int, size: int, depth: int, seconds: float) -> float:
    """Server CPU per message in microseconds."""
    before = 0.0

    def mark() -> None:
        nonlocal before
        before = cpu_seconds(pid)

    load = asyncio.run(run_echo(port, connections, size, depth, seconds, mark))
    return (cpu_seconds(pid) - before) / load.messages * 1e6


def compare(name: str, rounds: int, seconds: float, connections: int, size: int, depth: int) -> None:
    command, raw = SERVERS[name]
    figures: dict[str, list[float]] = {raw: [], "app": []}
    apps = f"benchmarks.apps:{raw}", "benchmarks.apps:app"
    with running(command, apps[0]) as (raw_port, raw_pid), running(command, apps[1]) as (port, pid):
        for _ in range(rounds):
            figures[raw].append(measure(raw_port, raw_pid, connections, size, depth, seconds))
            figures["app"].append(measure(port, pid, connections, size, depth, seconds))
    pairs = [ours / theirs for theirs, ours in zip(figures[raw], figures["app"], strict=True)]
    floor, ours = statistics.median(figures[raw]), statistics.median(figures["app"])
    print(
        f"{name:16} {connections:4} connections, {size} B, depth {depth}: "
        f"raw {floor:5.1f} us, anysocket {ours:5.1f} us, "
        f"ratio of medians {ours / floor:.3f}, median of pairs {statistics.median(pairs):.3f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", action="append", choices=sorted(SERVERS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--depth", type=int, default=1)
    options = parser.parse_args()
    for name in options.server or ["granian-rsgi", "uvicorn"]:
        compare(name, options.rounds, options.seconds, options.connections, options.size, options.depth)


if __name__ == "__main__":
    main()
