"""One client for the in-memory server and for Granian, and what both let a test see."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Literal

import clients
from anysocket import ConnectionClosed
from anysocket.testing import Refused
from anysocket_rsgi import testing
from running import ProcessRunning

PATIENCE = 5.0
"""Seconds until something that must happen has happened."""
MOMENT = 0.2
"""Seconds to see that something does not happen."""

DIED = "the process died"


class Client(ABC):
    """One connection; what it sees is text, bytes, or ``"closed 1005"`` and ``"lost"`` for the end."""

    @abstractmethod
    async def send(self, data: str | bytes) -> None: ...

    @abstractmethod
    async def receive(self) -> str | bytes: ...

    @abstractmethod
    async def close(self) -> None:
        """Send a close frame with code 4000, without waiting for the answer."""

    @abstractmethod
    async def abort(self) -> None: ...

    @abstractmethod
    async def hang_up(self) -> None: ...

    @abstractmethod
    async def pong(self, timeout: float) -> bool:
        """Whether a ping is answered within ``timeout`` seconds."""

    @abstractmethod
    async def answered(self, timeout: float) -> bool:
        """Whether our close is answered within ``timeout`` seconds."""

    @abstractmethod
    async def tcp_ended(self, timeout: float) -> bool:
        """Whether the server ends TCP within ``timeout`` seconds."""


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


class DoubleClient(Client):
    def __init__(self, peer: testing.RSGIPeer) -> None:
        self.peer = peer

    async def send(self, data: str | bytes) -> None:
        await (self.peer.send_text(data) if isinstance(data, str) else self.peer.send_bytes(data))

    async def receive(self) -> str | bytes:
        try:
            message = await self.peer.receive()
        except ConnectionClosed:
            return "lost"
        return f"closed {message.code}" if message.type == "close" else message.data

    async def close(self) -> None:
        await self.peer.close(4000)

    async def abort(self) -> None:
        await self.peer.abort()

    hang_up = abort

    async def pong(self, timeout: float) -> bool:
        return await happens(self.peer.ping(timeout))

    async def answered(self, timeout: float) -> bool:
        return await happens(self.peer.wait_close_answered(timeout))

    async def tcp_ended(self, timeout: float) -> bool:
        return await happens(self.peer.wait_ended(timeout))


class Double(Server):
    """``anysocket_rsgi.testing``."""

    def __init__(self, app: Any, runtime_mode: Literal["st", "mt"]) -> None:
        self.app = app
        self.runtime_mode = runtime_mode

    @contextlib.asynccontextmanager
    async def connect(self, path, headers=()) -> AsyncIterator[DoubleClient]:
        async with testing.connect(
            self.app, path, headers=headers, runtime_mode=self.runtime_mode, timeout=PATIENCE
        ) as peer:
            yield DoubleClient(peer)

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


class GranianClient(Client):
    def __init__(self, peer: clients.SocketPeer) -> None:
        self.peer = peer
        self.closing: asyncio.Task[None] | None = None

    async def send(self, data: str | bytes) -> None:
        await self.peer.send(data)

    async def receive(self) -> str | bytes:
        """A close counts when its frame is there; the client itself waits for the end of TCP."""
        receiving = asyncio.create_task(self.peer.receive(PATIENCE))
        try:
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=0.01)
                if not receiving.done() and (close := self.peer.raw.protocol.close_rcvd):
                    return f"closed {close.code}"
            return receiving.result()
        except clients.Closed as closed:
            return "lost" if closed.code == 1006 else f"closed {closed.code}"
        finally:
            receiving.cancel()
            await asyncio.wait({receiving})

    async def close(self) -> None:
        self.closing = asyncio.create_task(self.peer.close(4000))
        await asyncio.sleep(0)

    async def abort(self) -> None:
        await self.peer.abort()

    async def hang_up(self) -> None:
        await self.peer.hang_up()

    async def pong(self, timeout: float) -> bool:
        return await happens(asyncio.wait_for(await self.peer.raw.ping(), timeout))

    async def answered(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        while not (answered := self.peer.raw.protocol.close_rcvd is not None) and time.monotonic() < end:
            await asyncio.sleep(0.01)
        return answered

    async def tcp_ended(self, timeout: float) -> bool:
        return await happens(asyncio.wait_for(self.peer.raw.wait_closed(), timeout))


class Granian(Server):
    """The real one."""

    def __init__(self, running: ProcessRunning) -> None:
        self.running = running

    @contextlib.asynccontextmanager
    async def connect(self, path, headers=()) -> AsyncIterator[GranianClient]:
        async with self.running.connect(path, headers=headers) as peer:
            assert isinstance(peer, clients.SocketPeer)
            client = GranianClient(peer)
            try:
                yield client
            finally:
                if client.closing is not None:
                    client.closing.cancel()
                    await asyncio.wait({client.closing})

    async def status(self, path, headers=()) -> int | str:
        try:
            async with self.connect(path, headers) as client:
                await client.receive()
                await client.send("go on")
                await client.receive()
        except clients.Refused as refused:
            return refused.status
        except Exception:
            # No valid answer: the connection was cut.
            pass
        await self.running.ended()
        return DIED


Script = Callable[[Server, str], Awaitable[Any]]
