"""Where a server's time goes.

python -m benchmarks.profile fan-out uvicorn-picows/anysocket uvicorn-sansio/starlette

Each contestant in turn is under the workload's main load. Linux' ``perf`` tells what the system, the
interpreter and native code take of each message, ``py-spy`` which Python code it is: what a function calls in
C, system calls included, counts as its own. A profiler disturbs, so the whole is measured without. What is
not installed is left out; both need the rights to look into another process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from anysocket_servers import ProcessRunning
from benchmarks.contestants import LIBRARIES, SERVERS, Contestant, Field
from benchmarks.meter import allow_many_connections, children, on_processor
from benchmarks.report import table
from benchmarks.runner import LOAD_PROCESSOR, SERVER_PROCESSOR, loop_factory
from benchmarks.workload import Case, Figures
from benchmarks.workloads import WORKLOADS

WARM = 3
"""Seconds until all are connected."""
SECONDS = 6
"""For one profile."""
RATE = 500
"""Looks a second."""
SMALL = 0.05
"""Microseconds for each message: what takes less is not listed."""
KERNEL = "the system"

Shares = Mapping[str, float]
"""By name, parts of one."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workload", choices=[name for name in WORKLOADS if name in ("echo", "fan-out")])
    parser.add_argument("contestants", nargs="+", type=contestant, metavar="server/library")
    options = parser.parse_args()
    allow_many_connections()
    case = WORKLOADS[options.workload](Field(tuple(SERVERS), quick=True), WARM + SECONDS + 1).cases[0]
    native: dict[str, dict[str, float]] = {}
    python: dict[str, dict[str, float]] = {}
    for each in options.contestants:
        cost, by_object, by_function = profiled(case, each)
        native[f"{each.title}, {cost:.1f} us"] = {name: part * cost for name, part in by_object.items()}
        python[f"{each.title}, {cost:.1f} us"] = {name: part * cost for name, part in by_function.items()}
    print(f"{options.workload}, {case.name}: us of server CPU for each message\n")
    print(grid(native))
    print(grid(python))
    return 0


def contestant(text: str) -> Contestant:
    server, _, library = text.partition("/")
    if server not in SERVERS or library not in LIBRARIES:
        raise argparse.ArgumentTypeError(f"{text}: server/library, such as uvicorn-sansio/anysocket")
    return Contestant(server, library)


def profiled(case: Case, contestant: Contestant) -> tuple[float, Shares, Shares]:
    """Microseconds of CPU for each message, what they are made of by shared object, and by Python code."""
    with contextlib.ExitStack() as stack:
        with on_processor(SERVER_PROCESSOR):
            running = stack.enter_context(contestant.start())
        assert isinstance(running, ProcessRunning)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anysocket-profile-")))
        stack.enter_context(on_processor(LOAD_PROCESSOR))
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            cost = runner.run(loaded(case, running, contestant))["us"]
            by_object = runner.run(perf(case, running, contestant, folder / "perf"))
            by_function = runner.run(py_spy(case, running, contestant, folder / "stacks"))
        return cost, by_object, by_function


async def loaded(case: Case, running: ProcessRunning, contestant: Contestant) -> Figures:
    return await case.measure(running, contestant)


async def under_load(
    case: Case, running: ProcessRunning, contestant: Contestant, command: Sequence[str]
) -> bool:
    """Run a profiler in the midst of the load; False if it is not installed."""
    if shutil.which(command[0]) is None:
        print(f"{command[0]} is not installed", file=sys.stderr)
        return False

    async def look() -> None:
        await asyncio.sleep(WARM)
        null = asyncio.subprocess.DEVNULL
        profiler = await asyncio.create_subprocess_exec(*command, stdout=null, stderr=null)
        await profiler.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(loaded(case, running, contestant))
        group.create_task(look())
    return True


async def perf(case: Case, running: ProcessRunning, contestant: Contestant, file: Path) -> Shares:
    """By shared object."""
    pids = ",".join(map(str, [running.process.pid, *children(running.process.pid)]))
    command = ["perf", "record", "-F", str(RATE), "-o", str(file), "-p", pids, "--", "sleep", str(SECONDS)]
    if not await under_load(case, running, contestant, command):
        return {}
    report = await asyncio.create_subprocess_exec(
        "perf", "report", "-i", str(file), "--stdio", "--sort", "dso", stdout=asyncio.subprocess.PIPE
    )
    text, _ = await report.communicate()
    found = re.findall(r"^\s*([\d.]+)%\s+(\S+)", text.decode(), re.MULTILINE)
    return {KERNEL if name.startswith("[kernel") else plain(name): float(part) / 100 for part, name in found}


def plain(name: str) -> str:
    """A shared object's name without its version and platform."""
    return re.sub(r"\.(cpython|so|abi3).*|-linux.*", "", name)


async def py_spy(case: Case, running: ProcessRunning, contestant: Contestant, file: Path) -> Shares:
    """By Python code: functions of ours, packages of others."""
    process = [str(running.process.pid), "--subprocesses", "--nonblocking"]
    output = ["--format", "raw", "--function", "--full-filenames", "--output", str(file)]
    command = [
        "py-spy",
        "record",
        "--rate",
        str(RATE),
        "--duration",
        str(SECONDS),
        *output,
        "--pid",
        *process,
    ]
    return counted(file) if await under_load(case, running, contestant, command) else {}


def counted(file: Path) -> Shares:
    """Of lines such as ``outer (…);inner (…) 12``."""
    counts = Counter[str]()
    for line in file.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        counts[place(stack.rpartition(";")[2])] += int(count)
    return {name: count / counts.total() for name, count in counts.items()}


def place(frame: str) -> str:
    """``next (…/anysocket/_inbox.py)`` is a function of ours, ``write (…/asyncio/…)`` asyncio's."""
    function, _, path = frame.partition(" (")
    if ours := re.search(r"/(anysocket\w*)/([\w/]+)\.py", path):
        return f"{ours[1]}.{ours[2]}: {function}"
    if "/benchmarks/" in path:
        return "the app"
    package = re.search(r"/site-packages/(\w+)|/(asyncio)/", path)
    return (package[1] or package[2]) if package else "other Python"


def grid(columns: Mapping[str, Shares]) -> str:
    """What takes most comes first."""
    totals = Counter[str]()
    for shares in columns.values():
        totals.update(shares)  # type: ignore[arg-type] # Counts of floats.
    lines = [
        [name, *(f"{shares[name]:.2f}" if name in shares else "" for shares in columns.values())]
        for name, _ in totals.most_common()
        if any(shares.get(name, 0) >= SMALL for shares in columns.values())
    ]
    return table(["", *columns], lines)


if __name__ == "__main__":
    sys.exit(main())
