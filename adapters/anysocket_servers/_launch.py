"""Start an app on a server, and keep servers running from test to test."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anysocket_servers._local import MemoryRunning, TestClientRunning
from anysocket_servers._process import ProcessRunning
from anysocket_servers._running import STOP_TIMEOUT, Running, StartError
from anysocket_servers._table import Server

LOCAL = {"testclient": TestClientRunning, "memory": MemoryRunning}
Folders = str | Path | Sequence[str | Path]
"""The folder that an app is imported from, or several, looked through in their order."""


def launch(
    server: Server,
    app: str,
    folder: Folders,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    host: str = "127.0.0.1",
) -> Running:
    """Serve ``app`` (``"module:name"``, importable from ``folder``) until ``stop()`` of the result.

    ``environment`` is added to the process's; in process it is set while the app is imported and starts.
    ``arguments`` go to the server's command line. Raises :class:`StartError`.
    """
    if server.process:
        paths = [*_each(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        settings = {"PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
        return ProcessRunning(server, app, settings, arguments, host)
    if arguments:
        raise ValueError(f"{server} has no command line: {arguments}")
    try:
        with _changed_environment(environment or {}):
            return LOCAL[server.name](server, _load(app, _each(folder)))
    except Exception as error:
        raise StartError(f"{server} did not start:\n{traceback.format_exc()}") from error


@contextlib.contextmanager
def start(
    server: Server,
    app: str,
    folder: Folders,
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
) -> Iterator[Running]:
    """``launch`` for the length of a ``with`` block."""
    running = launch(server, app, folder, environment, arguments)
    try:
        yield running
    finally:
        running.stop()


def _each(folder: Folders) -> list[str]:
    return [str(folder)] if isinstance(folder, str | Path) else [str(one) for one in folder]


def _load(app: str, folders: Sequence[str]) -> Any:
    """A fresh copy of the app, found where ``python -m`` of a server finds it."""
    module_name, _, name = app.partition(":")
    sys.modules.pop(module_name, None)
    before = sys.path[:]
    sys.path[:0] = [os.getcwd(), *folders]
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
        self,
        server: Server,
        app: str,
        folder: Folders,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> Running:
        """The running server for these, started if there is none that is alive."""
        environment = environment or {}
        key = (server.name, app, *_each(folder), tuple(sorted(environment.items())), tuple(arguments))
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
