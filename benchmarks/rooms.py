"""Rooms under load, over real sockets.

python -m benchmarks.rooms stalled     1,000 members, of whom 5 do not read, and the rest without these
python -m benchmarks.rooms churn       1,000 members that come, leave, die and come back for 60 s
python -m benchmarks.rooms idle        5,000 idle connections, in turns with the raw server's
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile

from benchmarks.echo import SERVERS, running
from benchmarks.rooms_churn import churn, idle
from benchmarks.rooms_stalled import STALLED, Fanned, fan_out

APP = "benchmarks.rooms_app:app"
IDLE = 5000


def show_stalled(name: str, options: argparse.Namespace) -> None:
    """Rounds without and with members that do not read, on one server."""
    ratios = []
    with running(SERVERS[name][0], APP) as (port, pid):
        for _ in range(options.rounds):
            for stalled in (0, STALLED):
                fanned = asyncio.run(fan_out(port, pid, stalled, options.rate))
                print(f"{name}, {stalled} do not read: {told(fanned)}", flush=True)
            ratios.append([each.p99 / others.p99 for others, each in (fanned.taken, fanned.arrived)])
    taken, arrived = (statistics.median(each) for each in zip(*ratios, strict=True))
    print(
        f"{name}, p99 of broadcasts to all, 5 of whom do not read, beside those to the others, medians of "
        f"{options.rounds} rounds: taken x {taken:.2f}, arrived x {arrived:.2f}",
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


def show_churn(name: str, options: argparse.Namespace) -> None:
    """Rounds on one server, to see whether memory goes on to grow."""
    with tempfile.TemporaryFile() as log:
        with running(SERVERS[name][0], APP, log) as (port, pid):
            for _ in range(options.rounds):
                print(f"{name}: {asyncio.run(churn(port, pid, options.rate))}", flush=True)
        log.seek(0)
        print(f"{name}: {log.read().count(b'Traceback')} exceptions in the log", flush=True)


def show_idle(name: str, options: argparse.Namespace) -> None:
    """Rounds on servers of their own."""
    command, raw = SERVERS[name]
    for _ in range(options.rounds):
        for app, path in ((f"benchmarks.apps:{raw}", "/"), (APP, "/member")):
            with running(command, app) as (port, pid):
                seconds, kilobytes = asyncio.run(idle(port, pid, IDLE, path))
                print(f"{name}, {app}: {IDLE} in {seconds:.2f} s, {kilobytes:.1f} KiB each", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    show = {"stalled": show_stalled, "churn": show_churn, "idle": show_idle}
    parser.add_argument("what", choices=sorted(show))
    parser.add_argument("--server", action="append", choices=sorted(SERVERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=10, help="broadcasts a second")
    options = parser.parse_args()
    for name in options.server or ("granian-rsgi", "uvicorn"):
        show[options.what](name, options)


if __name__ == "__main__":
    main()
