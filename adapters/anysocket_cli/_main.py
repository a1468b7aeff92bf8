"""The ``anysocket`` command: parse the arguments, run the subcommand, print mistakes as one line."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from anysocket_cli import _demo, _matrix, _publish, _serve
from anysocket_cli._mistakes import Mistake


class Subcommand(NamedTuple):
    """One word after ``anysocket``: what it does, its arguments, and the function that gets them parsed."""

    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


# A new subcommand is a module with these two functions, and one line here.
SUBCOMMANDS: dict[str, Subcommand] = {
    "demo": Subcommand("serve a chat with rooms, to look at and to try", _demo.add_arguments, _demo.run),
    "matrix": Subcommand(
        "play the contract's cases on every server, and write compat_matrix.md",
        _matrix.add_arguments,
        _matrix.run,
    ),
    "publish": Subcommand(
        "send a message to the rooms of a running app, through its backplane",
        _publish.add_arguments,
        _publish.run,
    ),
    "serve": Subcommand("serve an app on the server you name", _serve.add_arguments, _serve.run),
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, one subparser for each row of ``SUBCOMMANDS``."""
    parser = argparse.ArgumentParser(
        prog="anysocket", description="Write a WebSocket app once; run it on any server, unchanged."
    )
    parser.add_argument(
        "--version", action="version", version=f"anysocket {importlib.metadata.version('anysocket')}"
    )
    subparsers = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    for name, subcommand in SUBCOMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=subcommand.summary,
            description=subcommand.summary,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        subcommand.add_arguments(subparser)
        subparser.set_defaults(run=subcommand.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with ``arguments`` (default: those of the process) and return the exit status.

    Returns 2 after a mistake of the user's, as argparse does. When a server starts it replaces this process,
    so that call does not return at all.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except Mistake as mistake:
        print(f"anysocket: error: {mistake}", file=sys.stderr)
        return 2
    return 0
