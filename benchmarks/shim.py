"""The shim's cost: the same app through it and without it, interleaved, medians of server CPU per message.

python -m benchmarks.shim                       every comparison, 11 rounds
python -m benchmarks.shim --only echo-rsgi --rounds 21 --loop uvloop --mode mt
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from typing import NamedTuple

from benchmarks.echo import running
from benchmarks.load import Load, cpu_seconds, run_echo, run_requests


class Comparison(NamedTuple):
    """One app, by the servers that run it: without the shim and with it; ``limit`` is what it may cost."""

    kind: str
    without: tuple[str, str]
    through: tuple[str, str]
    limit: float


STARLETTE = ("granian --interface asgi", "benchmarks.shim_apps:starlette_app")
BRIDGED = ("granian --interface rsgi", "benchmarks.shim_apps:bridged")
RAW_ASGI = ("uvicorn", "benchmarks.apps:raw_asgi")
RSGI_UNDER_ASGI = ("uvicorn", "benchmarks.shim_apps:rsgi_under_asgi")
COMPARISONS = {
    "echo-rsgi": Comparison("WebSocket echo", STARLETTE, BRIDGED, 1.2),
    "json-rsgi": Comparison("JSON response", STARLETTE, BRIDGED, 1.5),
    "echo-asgi": Comparison("WebSocket echo", RAW_ASGI, RSGI_UNDER_ASGI, 1.2),
}


def command(server: str, loop: str, mode: str) -> list[str]:
    options = f"--loop {loop} " + (f"--runtime-mode {mode}" if "granian" in server else "--log-level warning")
    return ["-m", *server.split(), *options.split(), "--port", "{port}"]


def measure(kind: str, port: int, pid: int, options: argparse.Namespace) -> float:
    """Server CPU per message or request in microseconds."""
    before = 0.0

    def mark() -> None:
        nonlocal before
        before = cpu_seconds(pid)

    load: Load = asyncio.run(
        run_requests(port, options.connections, "/json", options.seconds, mark)
        if kind == "JSON response"
        else run_echo(port, options.connections, options.size, 1, options.seconds, mark)
    )
    return (cpu_seconds(pid) - before) / load.messages * 1e6


def compare(name: str, options: argparse.Namespace) -> None:
    kind, *servers, limit = COMPARISONS[name]
    figures: list[list[float]] = [[], []]
    commands = [(command(server, options.loop, options.mode), app) for server, app in servers]
    with running(*commands[0]) as without, running(*commands[1]) as through:
        for _ in range(options.rounds):
            for index, (port, pid) in enumerate((without, through)):
                figures[index].append(measure(kind, port, pid, options))
    pairs = [shim / plain for plain, shim in zip(*figures, strict=True)]
    plain, shim = (statistics.median(each) for each in figures)
    print(
        f"{name} ({kind}, {options.loop}, {options.mode}): "
        f"without {plain:.1f} us, through the shim {shim:.1f} us, ratio of medians {shim / plain:.3f}, "
        f"median of pairs {statistics.median(pairs):.3f} (at most {limit})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=sorted(COMPARISONS))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--mode", choices=["st", "mt"], default="st")
    options = parser.parse_args()
    for name in options.only or COMPARISONS:
        compare(name, options)


if __name__ == "__main__":
    main()
