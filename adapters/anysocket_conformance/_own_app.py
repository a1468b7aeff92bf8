"""The cases that hold for any app, played against somebody's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from anysocket.testing import Peer
from anysocket.testing._case import Case
from anysocket.testing._play import play
from anysocket.testing._stage import Notebook
from anysocket_conformance.cases import ALL_CASES, any_app
from anysocket_servers import ProcessRunning, Server, launch

CASES = tuple(case for case in ALL_CASES if type(case).__module__ == any_app.__name__)


async def check_app(app: str, path: str, servers: Sequence[Server], told: Callable[[str], None]) -> int:
    """Serve ``app`` (``module:name``, from the current folder) on each server, play the cases against its
    WebSocket at ``path``, tell each outcome in a line, and return how many promises were not kept."""
    broken = 0
    for server in servers:
        running = await asyncio.to_thread(launch, server, app, Path.cwd())
        assert isinstance(running, ProcessRunning)
        try:
            for case in CASES:
                notes = await _play(case, running, path)
                broken += notes != case.client_sees
                outcome = "yes" if notes == case.client_sees else f"no: {', '.join(notes)}"
                told(f"{server.name}: {case.title} {outcome}")
        finally:
            await asyncio.to_thread(running.stop)
    return broken


async def _play(case: Case, running: ProcessRunning, path: str) -> tuple[str, ...]:
    def connect(
        path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AbstractAsyncContextManager[Peer]:
        return running.connect(path, headers, subprotocols)

    tools = {"frames": running.frames}
    capabilities = running.server.capabilities
    sight = await play(case, connect, Notebook(), capabilities=capabilities, tools=tools, base=path)
    if not running.alive():
        return (*sight.client, "the server's process ends")
    return sight.client
