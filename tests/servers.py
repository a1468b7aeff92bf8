"""Every server that anysocket runs on, and how to start it. Adding a server is one line of ``SERVERS``."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shlex
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from running import STOP_TIMEOUT, MemoryRunning, ProcessRunning, Running, TestClientRunning


@dataclass(frozen=True)
class Server:
    """One way to run an app. ``command`` follows ``python -m`` and names ``{app}`` and ``{port}``; without
    one the app runs in this process. ``features`` are the names of what a test may ask for."""

    name: str
    packages: str
    features: frozenset[str]
    command: str = ""
    ready: str = ""
    """What the log says when connections are served; accepting TCP connections alone is not enough
    where the parent process listens before its worker has loaded the app."""
    in_process: Callable[[Server, Any], Running] | None = None

    def expected_close(self, code: int, reason: str = "") -> tuple[int, str]:
        """Code and reason that a peer sees when the app closes with these."""
        if not self.features & CLOSE_CODE:
            return 1005, ""
        if code < 3000 and "close_code" not in self.features:
            code = 1000
        return code, reason if "close_reason" in self.features else ""

    def missing(self) -> list[str]:
        """The packages that it needs and this environment lacks."""
        return [name for name in self.packages.split() if importlib.util.find_spec(name) is None]

    def __str__(self) -> str:
        return self.name


# The features. "process": a process of its own that listens on TCP, so signals and resets are possible.
# "lifespan": the server runs the app's start-up and shutdown. "denial_status": deny() chooses the status.
# "close_code_3000": of the close codes only 1000 and those from 3000 on. The others are what reaches the
# app or the peer, as measured, under the names of anysocket.Capability.
CLOSE_CODE = frozenset({"close_code", "close_code_3000"})
GRANIAN_RSGI = frozenset({"process", "lifespan", "denial_status", "lost_is_1006"})
DAPHNE_ASGI = frozenset({"process", "subprotocol", "close_code_3000", "peer_close_code", "lost_is_1006"})
GRANIAN_ASGI = frozenset(
    {"process", "lifespan", "subprotocol", "denial_status", "denial_body", "close_code", "close_reason"}
    | {"peer_close_code"}
)
UVICORN_ASGI = GRANIAN_ASGI | {"accept_headers", "peer_close_reason"}
LEGACY_ASGI = UVICORN_ASGI | {"lost_is_1006"}
HYPERCORN_ASGI = (GRANIAN_ASGI | {"accept_headers"}) - {"peer_close_code"}
IN_PROCESS = LEGACY_ASGI - {"process"}


def granian(options: str) -> str:
    return f"granian {{app}} {options} --host 127.0.0.1 --port {{port}} --no-respawn-failed-workers"


def uvicorn(websockets: str) -> str:
    return f"uvicorn {{app}} --ws {websockets} --loop asyncio --host 127.0.0.1 --port {{port}}"


HYPERCORN = "hypercorn {app} --worker-class asyncio --bind 127.0.0.1:{port}"
DAPHNE = "daphne {app} --bind 127.0.0.1 --port {port}"
RSGI = "--interface rsgi --runtime-mode st"
RUST = "--task-impl rust"
MT = "--interface rsgi --runtime-mode mt --runtime-threads 2"
STARTED = "Started worker-1"

# fmt: off
SERVERS: tuple[Server, ...] = (
    Server("granian-rsgi-st", "granian", GRANIAN_RSGI, granian(f"{RSGI} --loop asyncio"), STARTED),
    Server("granian-rsgi-mt", "granian", GRANIAN_RSGI, granian(f"{MT} --loop asyncio"), STARTED),
    Server("granian-asgi", "granian", GRANIAN_ASGI, granian("--interface asgi --loop asyncio"), STARTED),
    Server("uvicorn-sansio", "uvicorn websockets", UVICORN_ASGI, uvicorn("websockets-sansio")),
    Server("uvicorn-wsproto", "uvicorn wsproto", UVICORN_ASGI, uvicorn("wsproto")),
    Server("uvicorn-legacy", "uvicorn websockets", LEGACY_ASGI, uvicorn("websockets")),
    Server("hypercorn", "hypercorn", HYPERCORN_ASGI, HYPERCORN),
    Server("daphne", "daphne", DAPHNE_ASGI, DAPHNE),
    Server("testclient", "starlette", IN_PROCESS, in_process=TestClientRunning),
    Server("memory", "anysocket.testing", IN_PROCESS, in_process=MemoryRunning),
)
"""The servers that every test with the ``server`` fixture runs on."""

EXTRA_SERVERS: tuple[Server, ...] = (
    Server("granian-rsgi-uvloop", "granian uvloop", GRANIAN_RSGI, granian(f"{RSGI} --loop uvloop"), STARTED),
    Server("granian-rsgi-rloop", "granian rloop", GRANIAN_RSGI, granian(f"{RSGI} --loop rloop"), STARTED),
    Server("granian-rsgi-rust", "granian", GRANIAN_RSGI, granian(f"{RSGI} --loop asyncio {RUST}"), STARTED),
)
"""Servers that a test gets only when its mark names them."""
# fmt: on

BY_NAME: Mapping[str, Server] = {server.name: server for server in (*SERVERS, *EXTRA_SERVERS)}


def launch(
    server: Server,
    app: str,
    folder: str | Path,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Running:
    """Serve ``app`` (``"module:name"``, importable from ``folder``) until ``stop()`` of the result.

    ``environment`` is added to the process's; in process it is set while the app is imported and starts.
    ``arguments`` go to the server's command line. Raises ``running.StartError``.
    """
    if server.in_process is None:
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        settings = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
        command = [*shlex.split(server.command.replace("{app}", app)), *arguments]
        return ProcessRunning(server, command, settings)
    if arguments:
        raise ValueError(f"{server} has no command line: {arguments}")
    with _changed_environment(environment or {}):
        return server.in_process(server, _load(app, str(folder)))


@contextlib.contextmanager
def start(
    server: Server,
    app: str,
    folder: str | Path,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Running]:
    """``launch`` for the length of a ``with`` block."""
    running = launch(server, app, folder, environment, arguments)
    try:
        yield running
    finally:
        running.stop()


def _load(app: str, folder: str) -> Any:
    """A fresh copy of the app, found where ``python -m`` of a server finds it."""
    module_name, _, name = app.partition(":")
    sys.modules.pop(module_name, None)
    before = sys.path[:]
    sys.path[:0] = [os.getcwd(), folder]
    try:
        return getattr(importlib.import_module(module_name), name)
    finally:
        sys.path[:] = before


@contextlib.contextmanager
def _changed_environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class Pool:
    """Keeps servers running from test to test, as starting one takes longer than most tests. At most
    ``limit`` of them: the one unused for longest ends first."""

    def __init__(self, limit: int = 16) -> None:
        self._limit = limit
        self._running: OrderedDict[Any, Running] = OrderedDict()

    def get(
        self, server: Server, app: str, folder: Path, environment: Mapping[str, str], arguments: Sequence[str]
    ) -> Running:
        """The running server for these, started if there is none that is alive."""
        key = (server.name, app, folder, tuple(sorted(environment.items())), tuple(arguments))
        running = self._running.pop(key, None)
        if running is not None and not running.alive():
            running.stop()
            running = None
        if running is None:
            while len(self._running) >= self._limit:
                self._running.popitem(last=False)[1].stop()
            running = launch(server, app, folder, environment, arguments)
        self._running[key] = running
        return running

    def stop(self) -> None:
        """Stop them all at the same time, so that the bound is one for all."""
        for running in self._running.values():
            running.ask_to_stop()
        end = time.monotonic() + STOP_TIMEOUT
        for running in self._running.values():
            running.stop(max(1, end - time.monotonic()))
        self._running.clear()
