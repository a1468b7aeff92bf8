"""A stage whose handler is in a server's process: notes and cues over unix sockets.

Notes are datagrams, sent without waiting, so that they arrive in order and even from a process that is about
to end. A cue is waited for on a connection that its giver answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator

from anysocket.testing._stage import Backstage, Notebook

FOLDER = "ANYSOCKET_STAGE"
"""The environment variable that tells a server's process where the sockets are."""
CASE = "ANYSOCKET_CASE"
"""The one that names the case that the process serves alone; empty where it serves all that share one."""
NOTE_BYTES = 1 << 16


class RemoteBackstage(Backstage):
    """In the server's process."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def note(self, token: str, text: str) -> None:
        datagram = json.dumps([token, text]).encode()
        # Whoever has stopped listening does not want to know.
        with contextlib.suppress(OSError):
            self._socket.sendto(datagram[:NOTE_BYTES], os.path.join(self._folder, "notes"))

    async def wait_for_cue(self, token: str, name: str) -> None:
        # Calls that every event loop has: rloop has no streams over unix sockets.
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)  # noqa: FBT003 - how the standard library spells it
            await loop.sock_connect(asking, os.path.join(self._folder, "cues"))
            await loop.sock_sendall(asking, json.dumps([token, name]).encode() + b"\n")
            if not await loop.sock_recv(asking, 1):
                raise ConnectionAbortedError("the client's side is gone")


@contextlib.asynccontextmanager
async def listen(notebook: Notebook) -> AsyncIterator[str]:
    """In the client's process: fill ``notebook``, and give the folder for ``RemoteBackstage``."""
    folder = tempfile.mkdtemp(prefix="anysocket-stage-")
    waiting: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.add(task)
        with contextlib.suppress(OSError, ValueError):
            token, name = json.loads(await reader.readline())
            await notebook.given(token, name)
            writer.write(b"\n")
        writer.close()
        waiting.discard(task)

    notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notes.bind(os.path.join(folder, "notes"))
    notes.setblocking(False)  # noqa: FBT003 - how the standard library spells it

    def read() -> None:
        """All that are there: what was noted before an answer has come when that has."""
        with contextlib.suppress(BlockingIOError):
            while True:
                token, text = json.loads(notes.recv(NOTE_BYTES))
                notebook.add(token, text)

    loop = asyncio.get_running_loop()
    loop.add_reader(notes, read)
    server = await asyncio.start_unix_server(answer, os.path.join(folder, "cues"))
    try:
        yield folder
    finally:
        server.close()
        loop.remove_reader(notes)
        notes.close()
        for task in waiting:
            task.cancel()
        shutil.rmtree(folder, ignore_errors=True)
