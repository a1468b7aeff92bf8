"""``anysocket demo``: serve the chat of ``anysocket_cli.demo``."""

from __future__ import annotations

import argparse

from anysocket_cli._address import free_port, web_address
from anysocket_cli._arguments import add_server_arguments
from anysocket_cli._servers import Launch, choose_server, command, start

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
        print(f"Note: {launch.workers} workers are as many separate chats, as no backplane joins them.")
    start(command_line)
