"""``anysocket serve module:app``: run an app on the server one names."""

from __future__ import annotations

import argparse
from functools import reduce
from operator import and_, or_

from anysocket import Capability
from anysocket_asgi._profiles import PROFILES
from anysocket_cli._address import free_port
from anysocket_cli._arguments import add_server_arguments
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import (
    IMPLEMENTATIONS,
    SERVERS,
    Interface,
    Launch,
    Server,
    choose_server,
    command,
    start,
)
from anysocket_cli._target import load_app
from anysocket_rsgi import CAPABILITIES as RSGI_CAPABILITIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``anysocket serve``."""
    parser.add_argument("app", metavar="module:app", help="the app, importable from the current folder")
    add_server_arguments(parser)
    parser.add_argument(
        "--ws",
        choices=list(IMPLEMENTATIONS),
        default=argparse.SUPPRESS,
        help="which of uvicorn's WebSocket implementations (default: uvicorn chooses)",
    )
    parser.add_argument("--reload", action="store_true", help="start anew when a file changes")


def run(arguments: argparse.Namespace) -> None:
    """Check the arguments, say how the app is served and why, and become the server."""
    ws = getattr(arguments, "ws", None)
    server = choose_server(getattr(arguments, "server", None), ws)
    # Loading the app here tells what is wrong with it in one line, and what it requires. The server loads it
    # once more: by then this process has been replaced, and nothing of the first load is left.
    app = load_app(arguments.app)
    interface, reason = choose_interface(server, app, arguments.app)
    launch = Launch(
        target=arguments.app,
        host=arguments.host,
        port=free_port(arguments.host, arguments.port),
        workers=arguments.workers,
        reload=arguments.reload,
        interface=interface,
        ws=ws,
    )
    command_line = command(server, launch)
    print(f"{arguments.app} on {server.name} through {interface.upper()}: {reason}")
    start(command_line)


def choose_interface(server: Server, app: object, target: str) -> tuple[Interface, str]:
    """Which interface of ``server`` carries ``app``, and why, for people to read.

    Raises :class:`Mistake` when the server speaks none that the app does, or none that carries what the app
    requires. Asked here because some servers tell it in a traceback, and Daphne, which knows no start-up,
    at the first connection.
    """
    required = getattr(app, "required_capabilities", Capability(0))
    if "rsgi" in server.interfaces and hasattr(app, "__rsgi__") and not required & ~RSGI_CAPABILITIES:
        return "rsgi", "the app requires nothing that RSGI lacks, and RSGI is the faster one"
    if not callable(app):
        raise Mistake(f"{target!r} is an RSGI app and {server.name} runs ASGI apps: use --server granian")
    if missing := required & ~reduce(or_, asgi_capabilities(server)):
        others = [
            name for name, other in SERVERS.items() if not required & ~reduce(and_, asgi_capabilities(other))
        ]
        way_out = f"use --server {' or '.join(others)}" if others else "`uvicorn --ws websockets` has it all"
        raise Mistake(
            f"{target!r} requires {_names(required)}, and {server.name} through ASGI lacks "
            f"{_names(missing)}: {way_out}"
        )
    if server.interfaces == ("asgi",):
        return "asgi", f"the interface that {server.name} has"
    if not hasattr(app, "__rsgi__"):
        return "asgi", "the app is a plain ASGI app, without __rsgi__"
    return "asgi", f"the app requires {_names(required & ~RSGI_CAPABILITIES)}, which RSGI lacks"


def asgi_capabilities(server: Server) -> list[Capability]:
    """What ``server`` carries through ASGI, by each of its WebSocket implementations; uvicorn chooses among
    its own by what is installed."""
    ours = [row for row in PROFILES if any(origin.startswith(f"{server.name}.") for origin in row.origins)]
    return [row.capabilities for row in ours]


def _names(capabilities: Capability) -> str:
    return ", ".join(capability.name or "" for capability in capabilities)
