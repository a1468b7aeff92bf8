"""``anysocket demo``: serve the chat of ``anysocket_cli.demo``."""

from __future__ import annotations

import argparse
import os

from anysocket_cli._address import free_port, web_address
from anysocket_cli._arguments import add_server_arguments
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import Launch, choose_server, command, is_importable, start

BACKPLANE = "ANYSOCKET_DEMO_BACKPLANE"
TARGET = "anysocket_cli.demo:app"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``anysocket demo``."""
    add_server_arguments(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print where the chat is and become the server."""
    server = choose_server(getattr(arguments, "server", None))
    launch = Launch(
        target=TARGET,
        host=arguments.host,
        port=free_port(arguments.host, arguments.port),
        workers=arguments.workers,
        # The first one is the one to show: RSGI where there is a choice.
        interface=server.interfaces[0],
    )
    command_line = command(server, launch)
    print(f"The chat is at {web_address(launch.host, launch.port)} (Ctrl+C ends it)")
    if launch.workers > 1:
        os.environ[BACKPLANE] = join_workers(launch.port)
    start(command_line)


def join_workers(port: int) -> str:
    """The backplane by which the workers of one chat find each other, and no other chat's."""
    if not is_importable("zenoh"):
        raise Mistake('several workers need a backplane to be one chat: pip install "anysocket[zenoh]"')
    return f"zenoh://?prefix=demo-{port}"
