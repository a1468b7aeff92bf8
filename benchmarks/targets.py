"""What the figures should be, as ratios of medians of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.contestants import LIBRARIES, SERVERS
from benchmarks.results import Results
from benchmarks.workloads import drill, echo, fan_out, idle

ECHO = "echo", echo.told(*echo.MAIN)
FAN_OUT = "fan-out", "to 1,000"
RSGI, UVICORN, PICOWS = "granian-rsgi", "uvicorn-sansio", "uvicorn-picows"
Measured = Callable[[Results], float | None]


@dataclass(frozen=True)
class Target:
    """``reason`` is why it is missed, if it is known."""

    claim: str
    limit: float
    measured: Measured
    unit: str = "x"
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """A target beside a run."""

    claim: str
    limit: str
    measured: str
    outcome: str


def verdicts(results: Results) -> Iterator[Verdict]:
    """Of each target that this run says something about."""
    for target in TARGETS:
        measured = target.measured(results)
        if measured is not None:
            outcome = (
                "met" if measured <= target.limit else "missed" + (target.reason and f": {target.reason}")
            )
            limit, figure = (f"{each:.2f} {target.unit}" for each in (target.limit, measured))
            yield Verdict(target.claim, limit, figure, outcome)


def beside(
    load: tuple[str, str], ours: str, theirs: str, figure: str = "us", *, less: bool = False
) -> Measured:
    """The ratio of two contestants' medians, or how much more the first one is (``less``)."""

    def measured(results: Results) -> float | None:
        first, second = (results.median(*load, name, figure) for name in (ours, theirs))
        if first is None or second is None:
            return None
        return first - second if less else first / second

    return measured


def beside_best_peer(load: tuple[str, str], ours: str) -> Measured:
    """The ratio to the lowest of the other libraries, on whichever ASGI server that is not ours."""

    def measured(results: Results) -> float | None:
        mine = results.median(*load, ours, "us")
        peers = [
            figure
            for server in SERVERS
            for library in LIBRARIES
            if server != PICOWS and library not in ("raw", "anysocket", "ws")
            if (figure := results.median(*load, f"{server}/{library}", "us"))
        ]
        return mine / min(peers) if mine and peers else None

    return measured


def one(load: tuple[str, str], contestant: str, figure: str) -> Measured:
    return lambda results: results.median(*load, contestant, figure)


def grown(
    less: tuple[str, str], more: tuple[str, str], contestant: str, figure: str, other_figure: str = ""
) -> Measured:
    """How much more the same contestant's figure is under another load."""

    def measured(results: Results) -> float | None:
        before = results.median(*less, contestant, figure)
        after = results.median(*more, contestant, other_figure or figure)
        return after / before if before and after else None

    return measured


COUNTED = {
    UVICORN: "10,200 instructions beside 148,300, Starlette's 12,100; see README.md",
    PICOWS: "2,200 instructions beside 39,800, Starlette's 11,700; see README.md",
    "hypercorn": "9,800 instructions beside 308,100, Starlette's 11,000; see README.md",
    "daphne": "10,700 instructions beside 406,300, Starlette's 11,100; see README.md",
}
"""Why an echo costs more than without a library: ``python -m benchmarks.instructions``."""

FEW, MANY = (("drill", f"beside {count:,} rooms") for count in drill.COUNTS)
ALONE, BESIDE_OTHERS = ("fan-out", "to 10"), ("fan-out", fan_out.OUTSIDE)
IDLE = "idle", f"{idle.STEPS[-1]:,} connections"
QUICK_IDLE = "idle", f"{idle.QUICK_STEPS[-1]:,} connections"
ASGI = ("granian-asgi", UVICORN, PICOWS, "hypercorn", "daphne")

TARGETS = [
    Target("Echo on Granian RSGI beside no library", 1.08, beside(ECHO, f"{RSGI}/anysocket", f"{RSGI}/raw")),
    *(
        Target(
            f"Echo on {server} beside no library",
            1.05,
            beside(ECHO, f"{server}/anysocket", f"{server}/raw"),
            reason=COUNTED.get(server, ""),
        )
        for server in ASGI
    ),
    *(
        Target(
            f"Echo on {server} beside Starlette",
            1.0,
            beside(ECHO, f"{server}/anysocket", f"{server}/starlette"),
            reason=COUNTED.get(server, ""),
        )
        for server in ASGI
    ),
    Target(
        "Fan-out to 1,000 on Granian RSGI beside no library, all sends started together",
        1.10,
        beside(FAN_OUT, f"{RSGI}/anysocket", f"{RSGI}/raw"),
        reason="Python for each member, see README.md",
    ),
    Target(
        "Fan-out to 1,000 on Granian RSGI beside the best peer on any ASGI server but our picows",
        0.70,
        beside_best_peer(FAN_OUT, f"{RSGI}/anysocket"),
        reason="Granian's own sends are nine tenths of it or more, x 0.58 on a quiet machine; see README.md",
    ),
    *(
        Target(
            f"Five of 1,000 do not read, on {server}: p99 beside a room where all read",
            1.2,
            one(("stalled", "5 of 1,000"), f"{server}/anysocket", "ratio"),
        )
        for server in (RSGI, UVICORN, PICOWS)
    ),
    Target(
        "Echo on uvicorn-picows beside Starlette on uvicorn's default",
        0.50,
        beside(ECHO, f"{PICOWS}/anysocket", f"{UVICORN}/starlette"),
    ),
    Target(
        "Fan-out to 1,000 on uvicorn-picows beside Starlette on uvicorn's default",
        0.60,
        beside(FAN_OUT, f"{PICOWS}/anysocket", f"{UVICORN}/starlette"),
        reason="more than half of it is the system's, a call for each member, as for Node's ws",
    ),
    *(
        Target(
            f"An idle connection on {server}, above the server's own, at {steps[-1]:,}",
            8.0,
            beside(load, f"{server}/anysocket", f"{server}/raw", idle.at(steps[-1]), less=True),
            "KiB",
        )
        for server in (RSGI, UVICORN, PICOWS)
        for load, steps in ((IDLE, idle.STEPS), (QUICK_IDLE, idle.QUICK_STEPS))
    ),
    *(
        Target(
            f"Memory for each of 10,000 connections on {server} beside each of 2,500: grows linearly",
            1.1,
            grown(IDLE, IDLE, f"{server}/anysocket", idle.at(2500), idle.at(10_000)),
        )
        for server in (RSGI, UVICORN, PICOWS)
    ),
    *(
        Target(
            f"To {step.replace('_', ' ')} beside 100,000 rooms, and beside 1,000: O(1)",
            2.0,
            grown(FEW, MANY, f"{RSGI}/anysocket", step),
        )
        for step in ("join", "leave", "look_up")
    ),
    Target(
        "Fan-out to 10 while 1,000 are in another room, and without them: costs nothing for those outside",
        1.1,
        grown(ALONE, BESIDE_OTHERS, f"{RSGI}/anysocket", "us"),
        reason="single rounds differ by more, see README.md",
    ),
    Target(
        "A small JSON response through the shim beside the ASGI server's own",
        1.5,
        beside(("shim", "JSON"), f"{RSGI}/starlette-shim", "granian-asgi/starlette"),
    ),
    Target(
        "Echo of an ASGI app through the shim beside the ASGI server's own",
        1.2,
        beside(("shim", "echo, ASGI app"), f"{RSGI}/starlette-shim", "granian-asgi/starlette"),
    ),
    Target(
        "Echo of an RSGI app through the shim beside an ASGI app",
        1.2,
        beside(("shim", "echo, RSGI app"), f"{UVICORN}/raw-rsgi-shim", f"{UVICORN}/raw"),
    ),
]
