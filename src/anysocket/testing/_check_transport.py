"""The contract's cases against any transport, for authors of adapters. No test framework is needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from anysocket._app import App
from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Sight, build_app
from anysocket.testing._memory import lifespan
from anysocket.testing._peer import Peer
from anysocket.testing._play import play
from anysocket.testing._stage import LocalBackstage, Notebook
from anysocket.testing.cases import CASES

AT_ONCE = 8
"""How many cases are played at a time: some of them wait to see that nothing comes."""


class TransportFactory(Protocol):
    """What an author of an adapter provides: serve ``app`` through the adapter, in this event loop, and
    connect a client to it. :func:`anysocket.testing.connect` is one."""

    def __call__(
        self, app: App, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AbstractAsyncContextManager[Peer]:
        """A peer, connected inside ``async with``. Raises :class:`anysocket.testing.Refused`."""
        ...


async def check_transport(factory: TransportFactory, *, cases: Sequence[Case] = CASES) -> int:
    """Play every case of the contract that needs no more than a client, several at a time, and return how
    many.

    What the transport's capabilities leave out must be done as the contract says it is done without them.
    Raises ``AssertionError`` that lists each case that saw something else, after all were played.
    """
    capabilities = await _capabilities(factory)
    failures: list[str] = []
    playable = [case for case in cases if not case.tools and not case.own_server]
    limit = asyncio.Semaphore(AT_ONCE)

    async def play_one(case: Case) -> Sight:
        async with limit:
            return await play_in_process(case, factory, capabilities)

    for case, sight in zip(playable, await asyncio.gather(*map(play_one, playable)), strict=True):
        expected = case.expected(capabilities)
        if sight != expected:
            clauses = ", ".join(case.clauses)
            failures.append(f"{case.name} ({clauses}): {case.title}\n  expected {expected}\n  saw {sight}")
    if failures:
        raise AssertionError(f"{len(failures)} of {len(playable)} cases failed:\n" + "\n".join(failures))
    return len(playable)


async def play_in_process(case: Case, factory: TransportFactory, capabilities: Capability) -> Sight:
    """Play one case, its handler in this event loop."""
    notebook = Notebook()
    app = build_app(case, LocalBackstage(notebook))

    def connect(
        path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AbstractAsyncContextManager[Peer]:
        return factory(app, path, headers=headers, subprotocols=subprotocols)

    async with lifespan(app):
        return await play(case, connect, notebook, capabilities=capabilities)


async def _capabilities(factory: TransportFactory) -> Capability:
    """What the transport declares, from a connection of its own."""
    found: list[Capability] = []
    app = App()

    @app.websocket("/")
    async def look(websocket: WebSocket) -> None:
        found.append(websocket.capabilities)
        await websocket.accept()
        await websocket.wait_closed()

    async with factory(app, "/", headers=(), subprotocols=()):
        return found[0]
