"""The servers of a run: those that tests share, and those that are one test's alone."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from anysocket_pytest._background import Background
from anysocket_pytest._choice import Choice, check_app
from anysocket_pytest._server import AnysocketServer
from anysocket_servers import Pool, StartError, launch


class Servers:
    """All servers that a run has started."""

    def __init__(self) -> None:
        self._pool = Pool()
        self._background = Background()

    def shared(self, choice: Choice, folders: Sequence[Path]) -> AnysocketServer:
        """The running server for ``choice``, started if there is none, its log from now on. Fails the test if
        it does not come up."""
        assert choice.app is not None
        with _failing():
            running = self._pool.get(choice.server, choice.app, folders, choice.environment, choice.arguments)
        running.mark()
        return AnysocketServer(running, self._background)

    def start(
        self,
        choice: Choice,
        folders: Sequence[Path],
        app: str | None,
        arguments: Sequence[str] | None,
        environment: Mapping[str, str] | None,
    ) -> AnysocketServer:
        """A server that nobody else uses, to be stopped by the caller; what is None is as in ``choice``.
        Fails the test if it does not come up."""
        app = choice.app if app is None else app
        check_app(app, "anysocket_start")
        assert app is not None
        with _failing():
            running = launch(
                choice.server,
                app,
                folders,
                choice.environment if environment is None else environment,
                choice.arguments if arguments is None else arguments,
            )
        return AnysocketServer(running, self._background)

    def stop(self) -> None:
        """Stop those that are shared."""
        self._pool.stop()
        self._background.stop()


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    failure = ""
    try:
        yield
    except StartError as error:
        failure = str(error)
    if failure:  # Out here, lest pytest shows the cause, which says the same.
        pytest.fail(failure, pytrace=False)


@contextlib.contextmanager
def ending_with_sigterm() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, its servers included, unless it is ignored."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
