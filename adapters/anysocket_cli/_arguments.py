"""The arguments that every subcommand which starts a server takes."""

from __future__ import annotations

import argparse

from anysocket_cli._servers import SERVERS


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--server --host --port --workers``."""
    # Without --server the first installed one is taken; None is how the subcommands learn that.
    parser.add_argument(
        "--server",
        choices=list(SERVERS),
        default=argparse.SUPPRESS,
        help=f"(default: the first that is installed of {', '.join(SERVERS)})",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for every network")
    parser.add_argument("--port", type=port, default=8000, help="TCP port; 0 for any free one")
    parser.add_argument("--workers", type=worker_count, default=1, help="worker processes")


def port(text: str) -> int:
    """A TCP port from the command line; raises what argparse turns into a usage error."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return int(text)


def worker_count(text: str) -> int:
    """A number of worker processes from the command line; raises what argparse turns into a usage error."""
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers: give 1 or more")
    return int(text)
