"""``anysocket serve module:app``: run an app on the server one names."""

from __future__ import annotations

import argparse

from anysocket import Capability
from anysocket_cli._address import free_port
from anysocket_cli._arguments import add_server_arguments
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import Interface, Launch, Server, choose_server, command, start
from anysocket_cli._target import load_app

# What Granian's RSGI carries (its specification 1.6): no codes, no reasons, no subprotocol, no headers.
RSGI_CAPABILITIES = Capability.LOST_IS_1006 | Capability.BACKPRESSURE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``anysocket serve``."""
    parser.add_argument("app", metavar="module:app", help="the app, importable from the current folder")
    add_server_arguments(parser)
    parser.add_argument("--reload", action="store_true", help="start anew when a file changes")


def run(arguments: argparse.Namespace) -> None:
    """Check the arguments, say how the app is served and why, and become the server."""
    server = choose_server(getattr(arguments, "server", None))
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
    )
    command_line = command(server, launch)
    print(f"{arguments.app} on {server.name} through {interface.upper()}: {reason}")
    start(command_line)


def choose_interface(server: Server, app: object, target: str) -> tuple[Interface, str]:
    """Which interface of ``server`` carries ``app``, and why, for people to read.

    Raises :class:`Mistake` when the server speaks none that the app does.
    """
    if server.interfaces == ("asgi",):
        if not callable(app):
            raise Mistake(f"{target!r} is an RSGI app and {server.name} runs ASGI apps: use --server granian")
        return "asgi", f"the interface that {server.name} has"
    if not hasattr(app, "__rsgi__"):
        return "asgi", "the app is a plain ASGI app, without __rsgi__"
    required = getattr(app, "required_capabilities", Capability(0))
    if missing := required & ~RSGI_CAPABILITIES:
        names = ", ".join(capability.name or "" for capability in missing)
        return "asgi", f"the app requires {names}, which RSGI lacks"
    return "rsgi", "the app requires nothing that RSGI lacks, and RSGI is the faster one"
