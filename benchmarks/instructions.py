"""What an echo costs, in instructions of the server's processes, as valgrind counts them.

python -m benchmarks.instructions uvicorn-sansio/raw uvicorn-sansio/starlette uvicorn-sansio/anysocket

The time that a message takes differs from round to round by more than a library's part in it; instructions
hardly differ. They are no time, though, and the system's own are not among them. What a server does before
and after is counted in a run with fewer messages, and taken off. Valgrind makes it some fifty times as slow,
so what it does by the clock counts for that much more: there are few connections. Granian's threads wait for
each other in other ways then: its figures say nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant
from benchmarks.load import abort_all, open_many
from benchmarks.profile import contestant
from benchmarks.report import table
from benchmarks.workloads.echo import MAIN, EchoClient, open_echo, told

CONNECTIONS = 10
FEW, MANY = 50, 250
"""Messages on each of them, one after another, in a run that is taken off and in the other one."""
_, SIZE, DEPTH = MAIN
TIMEOUT = 300.0


class CountedClient(EchoClient):
    """Sends so many, and no more."""

    def __init__(self, contestant: Contestant, count: int) -> None:
        super().__init__(contestant)
        self._left = count
        self.all_are_back = asyncio.get_running_loop().create_future()

    def counted(self, messages: int) -> None:
        self._left -= messages
        if self._left > 0:
            super().counted(messages)
        elif not self.all_are_back.done():
            self.all_are_back.set_result(None)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("contestants", nargs="+", type=contestant, metavar="server/library")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    counts = {each: for_each_message(each) for each in options.contestants}
    rows = []
    for each, count in counts.items():
        floor = counts.get(Contestant(each.server, "raw"))
        beside = f"{count - floor:+,.0f} (x {count / floor:.3f})" if floor and count != floor else ""
        rows.append([each.title, f"{count:,.0f}", beside])
    print(f"Echo, {told(CONNECTIONS, SIZE, DEPTH)}\n")
    print(table(["", "instructions for each message", "beside no library"], rows))
    return 0


def for_each_message(contestant: Contestant) -> float:
    few, many = (instructions(contestant, count) for count in (FEW, MANY))
    return (many - few) / (CONNECTIONS * (MANY - FEW))


def instructions(contestant: Contestant, messages: int) -> int:
    """Of all the server's processes, from the first to the last."""
    with tempfile.TemporaryDirectory(prefix="anysocket-instructions-") as folder:
        with under_valgrind(Path(folder)), contestant.start() as running:
            assert isinstance(running, ProcessRunning)
            asyncio.run(echo(running.port, contestant, messages))
        counts = [summary(each.read_text()) for each in Path(folder).glob("count.*")]
    return sum(counts)


@contextlib.contextmanager
def under_valgrind(folder: Path) -> Iterator[None]:
    """Servers are started as ``sys.executable``, which is a script meanwhile."""
    python, script = sys.executable, folder / "python"
    output = f"--cachegrind-out-file={folder}/count.%p"
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes", output, python]
    # In what order Python's sets and dictionaries are searched is the same for all: it is a hundredth.
    script.write_text(f'#!/bin/sh\nexport PYTHONHASHSEED=0\nexec {shlex.join(command)} "$@"\n')
    script.chmod(0o700)
    sys.executable = str(script)
    try:
        yield
    finally:
        sys.executable = python


def summary(text: str) -> int:
    """What a process came to, in a file of cachegrind's."""
    found = re.search(r"^summary: *(\d+)", text, re.MULTILINE)
    if found is None:
        raise ValueError("valgrind wrote no summary: the server was killed")
    return int(found[1])


async def echo(port: int, contestant: Contestant, messages: int) -> None:
    make = partial(CountedClient, count=messages)
    text = contestant.dialect.message("x" * SIZE, None)
    async with asyncio.timeout(TIMEOUT):
        clients = await open_many(CONNECTIONS, partial(open_echo, port, contestant, make))
        for client in clients:
            client.begin(text, DEPTH)
        await asyncio.gather(*(client.all_are_back for client in clients))
    await abort_all(clients)


if __name__ == "__main__":
    sys.exit(main())
