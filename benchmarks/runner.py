"""Runs workloads: contestants in turns, round by round."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from anysocket._errors import first_of
from anysocket_servers import ProcessRunning, StartError
from benchmarks.contestants import Contestant, Field
from benchmarks.meter import on_processor
from benchmarks.results import Results, Row
from benchmarks.workload import Case, Figures, Workload

SERVER_PROCESSOR, LOAD_PROCESSOR = 0, 1
MEASUREMENT_TIMEOUT = 120.0
LINE = 200
"""Characters of an error, at most."""


class Run:
    """One pass over one workload: ``pinned``, servers have one processor and the load generator another."""

    def __init__(self, workload: Workload, cases: Sequence[Case], rounds: int, *, pinned: bool) -> None:
        self._workload, self._cases, self._rounds, self._pinned = workload, cases, rounds, pinned
        self._rows: dict[tuple[str, str], Row] = {}
        self._running: dict[Contestant, ProcessRunning | StartError] = {}

    def rows(self) -> list[Row]:
        with self._on(LOAD_PROCESSOR):
            for number in range(self._rounds):
                with self._all_started():
                    for case in self._cases:
                        self._play(case, number)
        return list(self._rows.values())

    @contextlib.contextmanager
    def _all_started(self) -> Iterator[None]:
        """Anew for each round: two processes of the same app differ by more than what is looked for."""
        with contextlib.ExitStack() as stack:
            for contestant in dict.fromkeys(
                contestant for case in self._cases if not case.fresh for contestant in case.contestants
            ):
                try:
                    self._running[contestant] = stack.enter_context(self._started(contestant))
                except StartError as error:
                    self._running[contestant] = error
            yield

    def _on(self, processor: int) -> contextlib.AbstractContextManager[None]:
        return on_processor(processor if self._pinned else None)

    @contextlib.contextmanager
    def _started(self, contestant: Contestant) -> Iterator[ProcessRunning]:
        with contextlib.ExitStack() as stack:
            with self._on(SERVER_PROCESSOR):
                running = stack.enter_context(contestant.start())
            assert isinstance(running, ProcessRunning)
            yield running

    def _play(self, case: Case, number: int) -> None:
        """One round; who begins changes from turn to turn."""
        began = time.monotonic()
        figures: dict[Contestant, list[Figures]] = {contestant: [] for contestant in case.contestants}
        for turn in range(case.turns):
            begin = (number * case.turns + turn) % len(case.contestants)
            for contestant in [*case.contestants[begin:], *case.contestants[:begin]]:
                row = self._row(case, contestant)
                if row.failed:
                    continue
                try:
                    figures[contestant].append(self._measure(case, contestant))
                except Exception as error:
                    row.failed = told(error)
                    say(f"  {contestant.name}: {row.failed}")
        for contestant, turns in figures.items():
            if turns:
                cheapest = min(turns, key=self._first_figure)
                self._row(case, contestant).add(cheapest)
        where, taken = "pinned" if self._pinned else "free", time.monotonic() - began
        say(f"{self._workload.name}, {case.name}, {where}, round {number + 1}: {taken:.1f} s")

    def _first_figure(self, figures: Figures) -> float:
        return figures[next(iter(self._workload.columns))]

    def _row(self, case: Case, contestant: Contestant) -> Row:
        return self._rows.setdefault(
            (case.name, contestant.name),
            Row(self._workload.name, case.name, contestant.name, contestant.title, self._pinned),
        )

    def _measure(self, case: Case, contestant: Contestant) -> Figures:
        if case.fresh:
            with self._started(contestant) as fresh:
                return load(case, fresh, contestant)
        running = self._running[contestant]
        if isinstance(running, StartError):
            raise running
        return load(case, running, contestant)


def load(case: Case, running: ProcessRunning, contestant: Contestant) -> Figures:
    async def bounded() -> Figures:
        async with asyncio.timeout(MEASUREMENT_TIMEOUT):
            return await case.measure(running, contestant)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(bounded())


def told(error: BaseException) -> str:
    """In one short line; of several, the first one."""
    error = first_of(error)
    return textwrap.shorten(f"{type(error).__name__}: {error}", LINE)


def loop_factory() -> Any:
    """uvloop's where it is installed: the load generator must not be the limit."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def run(workloads: Sequence[Workload], field: Field, rounds: int) -> Iterator[Results]:
    """All of them, first pinned where there are two processors: the results so far, after each workload."""
    rows: list[Row] = []
    begin = time.monotonic()
    about = {**machine(), "quick": field.quick, "rounds": rounds}
    able_to_pin = {SERVER_PROCESSOR, LOAD_PROCESSOR} <= os.sched_getaffinity(0)
    for workload in workloads:
        cases = [case for case in workload.cases if case.contestants and (case.quick or not field.quick)]
        if able_to_pin:
            rows += Run(workload, cases, rounds, pinned=True).rows()
            cases = [replace(case, contestants=case.free, turns=1) for case in cases if case.free]
        rows += Run(workload, cases, rounds, pinned=False).rows()
        about["seconds"] = round(time.monotonic() - begin)
        say(f"{workload.name}: {about['seconds']} s since the start")
        yield Results(about, rows, field.skipped)


VERSIONS = (
    "anysocket granian uvicorn hypercorn daphne websockets picows starlette fastapi litestar python-socketio",
    "channels quart eclipse-zenoh uvloop httptools wsproto",
)


def machine() -> dict[str, Any]:
    """On what it was measured, and with what."""
    versions = {each.metadata["Name"].lower(): each.version for each in distributions()}
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processors": f"{os.cpu_count()} x {models[0] if models else platform.processor()}",
        "system": f"{distribution()}, {platform.platform()}",
        "python": platform.python_version(),
        "versions": {name: versions[name] for name in " ".join(VERSIONS).split() if name in versions},
        "load average before": [round(each, 2) for each in os.getloadavg()],
    }


def distribution() -> str:
    """The Linux distribution: Python as it builds it is not as fast as another's."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
