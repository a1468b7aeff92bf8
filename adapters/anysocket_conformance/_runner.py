"""Run the cases on a server: under anysocket, and on the bare server."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

from anysocket.testing import Peer
from anysocket.testing import connect as connect_in_memory
from anysocket.testing._case import ALL, Case, Sight
from anysocket.testing._check_transport import play_in_process
from anysocket.testing._play import play
from anysocket.testing._stage import Notebook
from anysocket_conformance._remote import CASE, FOLDER, listen
from anysocket_conformance._server_case import LOOPBACK, ServerCase
from anysocket_servers import Running, Server, StartError, launch
from anysocket_servers._process import ProcessRunning

Level = Literal["anysocket", "bare"]
AT_ONCE = 8
"""How many cases are played on one server at a time."""
SERVERS_AT_ONCE = 4
"""How many servers are started at a time for the cases that need one each."""
DEATH_TIMEOUT = 0.5
"""Seconds within which a process is seen to have ended, once its connections have."""
PROCESS_ENDS = "the server's process ends"
APPS: Mapping[Level, str] = {
    "anysocket": "anysocket_conformance._apps:contract",
    "bare": "anysocket_conformance._apps:bare",
}


@dataclass(frozen=True)
class Result:
    """One case on one server at one level. ``sight`` is None where it could not be played there."""

    case: Case
    server: Server
    level: Level
    sight: Sight | None

    @property
    def expected(self) -> Sight:
        """What the contract says for a server with these capabilities."""
        return self.case.expected(self.server.capabilities)

    @property
    def as_capabilities_say(self) -> bool:
        """Whether both sides saw that."""
        return self.sight == self.expected

    @property
    def whole(self) -> bool:
        """Whether both sides saw all that the contract promises."""
        return self.sight == self.case.expected(ALL)

    @property
    def instead(self) -> str:
        """What was seen instead, in words."""
        return "" if self.sight is None else self.sight.difference(self.case.expected(ALL))


def playable(case: Case, server: Server, level: Level) -> bool:
    """Whether this server has what the case needs."""
    if level == "bare" and (not case.bare or server.interface == "memory"):
        return False
    if case.one_process and server.workers > 1:
        return False
    return set(case.tools) <= _tool_names(server)


def _tool_names(server: Server) -> set[str]:
    if server.interface == "memory":
        return set()
    names = {"request"}
    if server.lifespan:
        names.add("lifespan")
    if server.process:
        names |= {"process", "frames"}
        names |= {"http1"} if server.http_version == "1.1" else {"http2"}
        names |= {"unix"} if server.transport == "unix" else {"tcp"}
        names |= {"tls"} if server.transport == "tls" else set()
    return names


async def run_cases(server: Server, level: Level, cases: Sequence[Case]) -> list[Result]:
    """Play the cases on a server that is started for it, and give one result for each, in their order."""
    mine = [case for case in cases if playable(case, server, level)]
    if server.interface == "memory":
        sights = await _play_in_memory(mine, server)
    else:
        async with _Run(server, level) as run:
            sights = await run.play_all(mine)
    return [Result(case, server, level, sights.get(case)) for case in cases]


async def _play_in_memory(cases: Sequence[Case], server: Server) -> dict[Case, Sight]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def play_one(case: Case) -> Sight:
        async with limit:
            return await play_in_process(case, connect_in_memory, server.capabilities)

    return dict(zip(cases, await asyncio.gather(*map(play_one, cases)), strict=True))


class _Run:
    """One server at one level. The server is started anew whenever a case has ended it."""

    def __init__(self, server: Server, level: Level) -> None:
        self._server = server
        self._level: Level = level
        self._notebook = Notebook()
        self._listening = listen(self._notebook)
        self._folder = ""

    async def __aenter__(self) -> _Run:
        self._folder = await self._listening.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._listening.__aexit__(None, None, None)

    async def play_all(self, cases: Sequence[Case]) -> dict[Case, Sight]:
        """Many at a time, on a new server whenever one has died; those that a death concerns, and those that
        need a server of their own, on one each."""
        sights: dict[Case, Sight] = {}
        waiting = [case for case in cases if not case.own_server]
        while waiting:
            begun = await self._play_together(waiting, sights)
            await self._play_apart(begun or waiting, sights)
            waiting = [case for case in waiting if case not in sights]
        await self._play_apart(cases, sights)
        return sights

    async def _play_apart(self, cases: Sequence[Case], sights: dict[Case, Sight]) -> None:
        """Each on a server that is started for it."""
        # Apps in this process share its environment, by which they are told what to serve.
        limit = asyncio.Semaphore(SERVERS_AT_ONCE if self._server.process else 1)

        async def play_one(case: Case) -> None:
            async with limit:
                sights[case] = await self._play_alone(case)

        await asyncio.gather(*(play_one(case) for case in cases if case not in sights))

    async def _play_together(self, cases: Sequence[Case], sights: dict[Case, Sight]) -> list[Case]:
        """On one server, to its end or theirs. Which were begun; what was seen is added to ``sights``, unless
        a death may have to do with it."""
        running = await self._launch()
        limit = asyncio.Semaphore(AT_ONCE)
        begun: list[Case] = []
        died = False

        async def play_one(case: Case) -> None:
            nonlocal died
            async with limit:
                died = died or not running.alive()
                if died:
                    return
                begun.append(case)
                sight = await self._play(case, running)
                if self._unsuspicious(case, sight) or (not died and await self._lives(running)):
                    sights[case] = sight

        await asyncio.gather(*(play_one(case) for case in cases))
        await self._stop(running)
        return begun

    def _unsuspicious(self, case: Case, sight: Sight) -> bool:
        return sight == case.expected(self._server.capabilities)

    async def _play_alone(self, case: Case) -> Sight:
        try:
            running = await self._launch_for(case)
        except StartError as error:
            if not isinstance(case, ServerCase):
                raise
            return Sight(case.not_started(str(error)))
        sight = await self._play(case, running)
        died = not case.own_server and not self._unsuspicious(case, sight) and not await self._lives(running)
        await self._stop(running)
        return replace(sight, client=(*sight.client, PROCESS_ENDS)) if died else sight

    async def _launch_for(self, case: Case) -> Running:
        if isinstance(case, ServerCase):
            return await self._launch(case.name, case.arguments(self._server), case.host)
        return await self._launch(case.name if case.own_server else "")

    async def _launch(self, name: str = "", arguments: Sequence[str] = (), host: str = LOOPBACK) -> Running:
        """Serve the case of this name alone, or all that share a server."""
        settings = {FOLDER: self._folder, CASE: name}
        app = APPS[self._level]
        return await asyncio.to_thread(launch, self._server, app, os.getcwd(), settings, arguments, host)

    async def _stop(self, running: Running) -> None:
        if isinstance(running, ProcessRunning):
            # Bare handlers that wait for ever keep some servers from ending; there is nothing to lose.
            running.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(running.stop)

    async def _lives(self, running: Running) -> bool:
        """Whether the process goes on; one that is about to end is given the time to."""
        if isinstance(running, ProcessRunning):
            deadline = asyncio.get_running_loop().time() + DEATH_TIMEOUT
            while running.alive() and asyncio.get_running_loop().time() < deadline:
                if await _answers(running):
                    return True
                await asyncio.sleep(0.01)
        return running.alive()

    async def _play(self, case: Case, running: Running) -> Sight:
        def connect(
            path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
        ) -> AbstractAsyncContextManager[Peer]:
            return running.connect(path, headers, subprotocols)

        return await play(
            case,
            connect,
            self._notebook,
            capabilities=self._server.capabilities,
            tools=_tools(running),
        )


async def _answers(running: ProcessRunning) -> bool:
    """Whether the server's worker still takes requests."""
    try:
        async with asyncio.timeout(DEATH_TIMEOUT):
            await running.request("GET", "/alive")
    except (TimeoutError, OSError, Exception):
        return False
    return True


def _tools(running: Running) -> dict[str, Any]:
    tools: dict[str, Any] = {"request": running.request, "running": running}
    if isinstance(running, ProcessRunning):
        tools["frames"] = running.frames
    return tools
