"""One client for the in-memory server and for Granian, and what both let a test see."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Literal

from anysocket import ConnectionClosed
from anysocket.testing import Refused
from anysocket_rsgi import testing
from anysocket_servers import ProcessRunning, SocketPeer

PATIENCE = 5.0
"""Seconds until something that must happen has happened."""
MOMENT = 0.2
"""Seconds to see that something does not happen."""

DIED = "the process died"


class Client:
    """One connection; what it sees is text, bytes, or ``"closed 1005"`` and ``"lost"`` for the end."""

    def __init__(self, peer: testing.RSGIPeer | SocketPeer) -> None:
        self.peer = peer

    async def send(self, data: str | bytes) -> None:
        await self.peer.send(data)

    async def receive(self) -> str | bytes:
        try:
            message = await self.peer.receive(PATIENCE)
        except ConnectionClosed:
            return "lost"
        return f"closed {message.code}" if message.type == "close" else message.data

    async def close(self) -> None:
        """Send a close frame with code 4000, without waiting for the answer."""
        await self.peer.close(4000)

    async def abort(self) -> None:
        await self.peer.abort()

    async def hang_up(self) -> None:
        await self.peer.hang_up()

    async def pong(self, timeout: float) -> bool:
        """Whether a ping is answered within ``timeout`` seconds."""
        return await happens(self.peer.ping(timeout))

    async def answered(self, timeout: float) -> bool:
        """Whether our close is answered within ``timeout`` seconds."""
        if isinstance(self.peer, SocketPeer):
            return await happens(self.peer.receive_close(timeout))
        return await happens(self.peer.wait_close_answered(timeout))

    async def tcp_ended(self, timeout: float) -> bool:
        """Whether the server ends TCP within ``timeout`` seconds."""
        return await happens(self.peer.wait_ended(timeout))


class Server(ABC):
    """Where the probes run."""

    @abstractmethod
    def connect(
        self, path: str, headers: Sequence[tuple[str, str]] = ()
    ) -> contextlib.AbstractAsyncContextManager[Client]: ...

    @abstractmethod
    async def status(self, path: str, headers: Sequence[tuple[str, str]] = ()) -> int | str:
        """The HTTP status of a refusal, or ``DIED``."""

    async def told(self, key: str) -> Any:
        """What the probe with this key told."""
        async with self.connect(f"/told?{key}") as client:
            return json.loads(await client.receive())

    async def signal(self, key: str) -> None:
        """Let the probe with this key go on."""
        assert await self.status(f"/signal?{key}") == 403


async def happens(call: Awaitable[object]) -> bool:
    """Whether a call that waits for something gets it."""
    try:
        await call
    except (AssertionError, TimeoutError):
        return False
    return True


class Double(Server):
    """``anysocket_rsgi.testing``."""

    def __init__(self, app: Any, runtime_mode: Literal["st", "mt"]) -> None:
        self.app = app
        self.runtime_mode = runtime_mode

    @contextlib.asynccontextmanager
    async def connect(self, path, headers=()) -> AsyncIterator[Client]:
        async with testing.connect(
            self.app, path, headers=headers, runtime_mode=self.runtime_mode, timeout=PATIENCE
        ) as peer:
            yield Client(peer)

    async def status(self, path, headers=()) -> int | str:
        try:
            async with self.connect(path, headers) as client:
                # Accepted, and to be ended by what the peer sends.
                await client.receive()
                await client.send("go on")
                await client.receive()
        except Refused as refused:
            return refused.status
        except testing.ProcessDied:
            return DIED
        raise AssertionError(f"{path} was accepted")


class Granian(Server):
    """The real one."""

    def __init__(self, running: ProcessRunning) -> None:
        self.running = running

    @contextlib.asynccontextmanager
    async def connect(self, path, headers=()) -> AsyncIterator[Client]:
        async with self.running.connect(path, headers=headers) as peer:
            assert isinstance(peer, SocketPeer)
            yield Client(peer)

    async def status(self, path, headers=()) -> int | str:
        try:
            async with self.connect(path, headers) as client:
                await client.receive()
                await client.send("go on")
                await client.receive()
        except Refused as refused:
            if refused.status:
                return refused.status
        except Exception:
            # No valid answer: the connection was cut.
            pass
        await self.running.ended()
        return DIED


Script = Callable[[Server, str], Awaitable[Any]]
