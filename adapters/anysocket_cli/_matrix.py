"""``anysocket matrix``: play the contract's cases on every server and write what was seen."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import is_importable
from anysocket_cli._target import load_app

if TYPE_CHECKING:
    from anysocket_servers import Server

PAGE = "compat_matrix.md"
NEEDS = ("websockets", "httpx2", "h11", "h2", "trustme")
DIFFERENCE_LINES = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``anysocket matrix``."""
    parser.add_argument("--check", action="store_true", help=f"compare with {PAGE}, and fail if it differs")
    parser.add_argument(
        "--app", metavar="module:app", help="play what holds for any app against this one instead"
    )
    parser.add_argument("--path", default="/", help="with --app: the path of a WebSocket, with its query")
    parser.add_argument(
        "--servers", default="", help="only these, by name, with commas; prints, writes nothing"
    )
    parser.add_argument(
        "--cases",
        default="",
        help="only those with one of these, with commas, in their name; prints, writes nothing",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the cases; write, print or compare the page. ``SystemExit`` with status 1 after a failure."""
    if missing := [name for name in NEEDS if not is_importable(name)]:
        raise Mistake(f'the matrix needs {", ".join(missing)}: pip install "anysocket[testing]"')
    servers = _servers(arguments.servers, whole=not (arguments.servers or arguments.cases or arguments.app))
    # A shell has what it runs in the background ignore SIGINT. Servers inherit that, and some cases send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if arguments.app:
        _check_app(arguments.app, arguments.path, servers)
    else:
        _run_matrix(arguments, servers)


def _check_app(app: str, path: str, servers: Sequence[Server]) -> None:
    """Play what holds for any app on each installed server that runs as a process."""
    from anysocket_conformance import check_app

    load_app(app)
    usable = [server for server in servers if server.process and server.http_version == "1.1"]
    usable = [server for server in usable if not server.missing()]
    broken = asyncio.run(check_app(app, path, usable, lambda line: print(line, flush=True)))
    print(f"{broken} promises are not kept" if broken else "every promise is kept")
    if broken:
        sys.exit(1)


def _run_matrix(arguments: argparse.Namespace, servers: Sequence[Server]) -> None:
    from anysocket_conformance import ALL_CASES, run_matrix, under_anysocket, versions

    parts = arguments.cases.split(",")
    cases = [case for case in ALL_CASES if any(part in case.name for part in parts)]
    if not cases:
        raise Mistake(f"no case has {arguments.cases!r} in its name: compat_matrix.md lists them")
    bare = [] if arguments.check else cases
    matrix = asyncio.run(run_matrix(servers, cases, bare, lambda name: print(f"{name}: done", flush=True)))
    page = matrix.text(versions())
    failures = matrix.failures()
    for failure in failures:
        result = failure.result
        print(f"FAILED {result.case.name} on {result.server}: {failure.reason}")
    if arguments.servers or arguments.cases:
        print(page)
    elif not arguments.check:
        Path(PAGE).write_text(page)
    elif difference := _difference(under_anysocket(Path(PAGE).read_text()), under_anysocket(page)):
        print(
            f"{PAGE} does not say what was seen; `python -m anysocket matrix` writes it anew:\n{difference}"
        )
        sys.exit(1)
    if failures:
        sys.exit(1)


def _servers(names: str, *, whole: bool) -> Sequence[Server]:
    from anysocket_conformance import COMPARED
    from anysocket_servers import BY_NAME

    wanted = [name for name in names.split(",") if name]
    if unknown := [name for name in wanted if name not in BY_NAME]:
        raise Mistake(f"no server {unknown[0]!r}: choose from {', '.join(BY_NAME)}")
    servers = [BY_NAME[name] for name in wanted] or list(COMPARED)
    lacking = {name for server in servers for name in server.missing()}
    if lacking and whole:
        raise Mistake(f"the whole matrix needs {', '.join(sorted(lacking))}: pip install what is missing")
    return servers


def _difference(before: str, after: str) -> str:
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "written", "seen", n=0, lineterm="")
    )
    more = [f"… and {len(lines) - DIFFERENCE_LINES} lines more"] if len(lines) > DIFFERENCE_LINES else []
    return "\n".join([*lines[:DIFFERENCE_LINES], *more])
