"""Rooms under load, and whether anything is lost: what ``python -m benchmarks`` has no time for.

python -m benchmarks.rooms stalled     1,000 members, of whom 5 do not read, and the rest without these
python -m benchmarks.rooms churn       1,000 members that come, leave, die and come back for 60 s
"""

from __future__ import annotations

import argparse
import asyncio
import statistics

from anysocket_servers import BY_NAME, ProcessRunning, start
from benchmarks.contestants import ROOT
from benchmarks.rooms_churn import churn
from benchmarks.rooms_stalled import STALLED, Fanned, fan_out

APP = "benchmarks.rooms_app:app"


def show_stalled(running: ProcessRunning, options: argparse.Namespace) -> None:
    """Rounds without and with members that do not read, on one server."""
    ratios = []
    for _ in range(options.rounds):
        both = []
        for stalled in (0, STALLED):
            both.append(asyncio.run(fan_out(running.port, running.process.pid, stalled, options.rate)))
            print(f"{running.name}, {stalled} do not read: {told(both[-1])}", flush=True)
        ratios.append([each.p99 / others.p99 for others, each in (both[-1].taken, both[-1].arrived)])
    taken, arrived = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(
        f"{running.name}, p99 of broadcasts to all, 5 of whom do not read, beside those to the others, "
        f"medians of {options.rounds} rounds: taken x {taken:.2f}, arrived x {arrived:.2f}",
        flush=True,
    )


def told(fanned: Fanned) -> str:
    """In milliseconds, to the readers | to all."""
    memory = "{:.1f}, at most {:.1f}, then {:.1f} MiB".format(*fanned.memory)
    times = [
        " | ".join(f"p50 {each.p50 * 1000:.1f} p99 {each.p99 * 1000:.1f} ms" for each in pair)
        for pair in (fanned.taken, fanned.arrived)
    ]
    return f"taken {times[0]}; arrived {times[1]}; lost {fanned.lost}; memory {memory}; {fanned.closed or ''}"


def show_churn(running: ProcessRunning, options: argparse.Namespace) -> None:
    """Rounds on one server, to see whether memory goes on to grow."""
    for _ in range(options.rounds):
        came = asyncio.run(churn(running.port, running.process.pid, options.rate))
        print(f"{running.name}: {came}", flush=True)
    print(f"{running.name}: {running.log().count('Traceback')} exceptions in the log", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    show = {"stalled": show_stalled, "churn": show_churn}
    parser.add_argument("what", choices=sorted(show))
    parser.add_argument("--server", action="append", choices=sorted(BY_NAME))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=10, help="broadcasts a second")
    options = parser.parse_args()
    for name in options.server or ("granian-rsgi", "uvicorn-sansio"):
        with start(BY_NAME[name], APP, ROOT) as running:
            assert isinstance(running, ProcessRunning)
            show[options.what](running, options)


if __name__ == "__main__":
    main()
