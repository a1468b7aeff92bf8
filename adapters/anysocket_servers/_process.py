"""A server as a process of its own on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from anysocket.testing import Peer
from anysocket_servers._addresses import command_line, forget, free_endpoint, is_open
from anysocket_servers._connection import FrameConnection, open_frames
from anysocket_servers._handshake import Handshake
from anysocket_servers._peer import connect_socket
from anysocket_servers._requests import Response, send_request, transport_to
from anysocket_servers._running import START_TIMEOUT, STOP_TIMEOUT, Running, StartError
from anysocket_servers._table import Server


class ProcessRunning(Running):
    """A server process on a free loopback port. ``process`` is its handle, for signals."""

    def __init__(
        self, server: Server, app: str, environment: Mapping[str, str], arguments: Sequence[str], host: str
    ) -> None:
        super().__init__(server)
        for _ in range(3):  # A port that was free may be taken by anyone before the server binds it.
            self.endpoint = free_endpoint(server, host)
            self._start([*command_line(server, app, self.endpoint), *arguments], environment)
            if self._serves(server.ready):
                return
            self.stop()
            if "address already in use" not in self._whole_log().lower():
                break
        raise StartError(f"{self.name} did not start:\n{self._whole_log()}")

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._asked = False
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open until stop()
        self.process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # A group of its own, so that its workers can be ended with it.
        )

    def _serves(self, ready: str) -> bool:
        end = time.monotonic() + START_TIMEOUT
        while self.alive() and time.monotonic() < end:
            log = self._whole_log()
            if all(line in log for line in ready.splitlines()) and is_open(self.endpoint):
                return True
            time.sleep(0.02)
        return False

    def frames(self) -> AbstractAsyncContextManager[FrameConnection]:
        """A connection on which the caller writes the frames."""
        return open_frames(self.endpoint)

    def _connect(self, handshake: Handshake, timeout: float) -> AbstractAsyncContextManager[Peer]:
        return connect_socket(self.endpoint, handshake, timeout)

    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response:
        return await send_request(self.url, method, path, content, transport_to(self.endpoint))

    def alive(self) -> bool:
        return self.process.poll() is None

    async def ended(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end of the process and return its status; ``TimeoutError`` after ``timeout``."""
        async with asyncio.timeout(timeout):
            while (status := self.process.poll()) is None:  # noqa: ASYNC110 - nothing tells of its end
                await asyncio.sleep(0.01)
        return status

    def _whole_log(self) -> str:
        if self._output.closed:
            return self._last_log
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode(errors="replace")

    def ask_to_stop(self) -> None:
        # Once: Granian's handler takes a lock, and hangs for ever where a second SIGTERM interrupts it.
        if self.alive() and not self._asked:
            self._asked = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self._kill_group()
        self.process.wait()
        if not self._output.closed:
            self._last_log = self._whole_log()
            self._output.close()
        forget(self.endpoint)

    def _kill_group(self) -> None:
        """What is left of it: nothing, if all went well. Once its first process was waited for and nothing is
        left, the system gives the group's number to any new process: a process of that number is another one.
        """
        with contextlib.suppress(ProcessLookupError):
            if self.process.returncode is None or not _exists(self.process.pid):
                os.killpg(self.process.pid, signal.SIGKILL)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # Another user's.
        pass
    return True
