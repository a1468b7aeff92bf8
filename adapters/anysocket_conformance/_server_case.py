"""Cases that need a server of their own: they end it, or depend on how it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from anysocket.testing._case import Case, Client
from anysocket_servers import Server

LOOPBACK = "127.0.0.1"
END_TIMEOUT = 12.0
"""Seconds that a server has to end: longer than the default drain of an app."""
NOTES_TO_READ = 100
DOES_NOT_START = "the server does not start"


class ServerCase(Case):
    """A case whose server is started for it alone and serves its app and no other, so that the lifespan, the
    requirements and the end are those of the case.

    ``host`` is where the server listens; ``in_its_log`` is what the client notes of the log if it is there.
    """

    own_server = True
    tools: ClassVar[tuple[str, ...]] = ("process",)
    host: ClassVar[str] = LOOPBACK
    in_its_log: ClassVar[tuple[str, ...]] = ()

    def arguments(self, server: Server) -> Sequence[str]:
        """What the server's command line has more than usual."""
        return ()

    def not_started(self, log: str) -> tuple[str, ...]:
        """What the client notes of a server that ended instead of serving."""
        return (DOES_NOT_START, *self.logged(log))

    def logged(self, log: str) -> tuple[str, ...]:
        """What the client notes of a server's log."""
        return tuple(f"logged: {text}" for text in self.in_its_log if text in log)


async def see_process_end(client: Client) -> None:
    """Note whether the server's process ends within ``END_TIMEOUT`` seconds."""
    try:
        await client.tools["running"].ended(END_TIMEOUT)
    except TimeoutError:
        client.note("the process goes on")
    else:
        client.note("the process ends")
    for _ in range(NOTES_TO_READ):
        # What it has noted is in our socket by now: read it.
        await asyncio.sleep(0)
