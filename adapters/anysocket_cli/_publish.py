"""``anysocket publish``: one message to the connections of a running app."""

from __future__ import annotations

import argparse
import asyncio

from anysocket import BackplaneError, Publisher
from anysocket_cli._mistakes import Mistake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``anysocket publish``."""
    parser.add_argument("text", help="the message")
    parser.add_argument(
        "--backplane", required=True, metavar="URL", help="that of the app: zenoh://, redis://…, nats://…"
    )
    parser.add_argument(
        "--room",
        action="append",
        default=[],
        metavar="NAME",
        help="a room; again for several, left out for every connection",
    )


def run(arguments: argparse.Namespace) -> None:
    """Publish, and be done when the backplane has the message."""
    try:
        asyncio.run(_publish(arguments.backplane, arguments.room, arguments.text))
    except (BackplaneError, ImportError, ValueError) as error:
        raise Mistake(str(error)) from error


async def _publish(backplane: str, rooms: list[str], text: str) -> None:
    async with Publisher(backplane) as publisher:
        if rooms:
            await publisher.broadcast_to_rooms(rooms, text)
        else:
            await publisher.broadcast_to_all(text)
