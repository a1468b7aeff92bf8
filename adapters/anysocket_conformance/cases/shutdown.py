"""The end of the server while connections are open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from anysocket import App, Capability, ConnectionClosed, WebSocket
from anysocket.testing import Peer, Refused
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._stage import Stage
from anysocket_conformance._server_case import ServerCase, see_process_end

CODE, REASON = 1001, "server shutting down"
END_TIMEOUT = 12.0
MESSAGES = 100


class _Shutdown(ServerCase):
    """Of this group."""

    group = "shutdown"
    clauses: ClassVar[tuple[str, ...]] = ("7",)
    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON
    signal = signal.SIGTERM

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("in")
        async for _ in websocket:
            pass

    def stop(self, client: Client) -> None:
        """Tell the server to end."""
        client.tools["running"].process.send_signal(self.signal)


class _Told(_Shutdown):
    """Of peers that are told."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("text 'in'", close_seen(capabilities, CODE, REASON), "the process ends"))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            self.stop(client)
            await client.see(peer, END_TIMEOUT)
        await see_process_end(client)


class CloseAtSIGTERM(_Told):
    """At SIGTERM, peers are told 1001 "server shutting down"."""


class CloseAtSIGINT(_Told):
    """At SIGINT, peers are told 1001 "server shutting down"."""

    signal = signal.SIGINT


class MessagesBeforeTheEnd(_Shutdown):
    """What was sent before the signal arrives before the close."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order", close_seen(capabilities, CODE, REASON)), ("sent",))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for number in range(MESSAGES):
            await websocket.send_text(str(number))
        stage.note("sent")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.noted("sent")
            self.stop(client)
            came: list[str] = []
            with contextlib.suppress(AssertionError, ConnectionClosed):
                came.extend([await peer.receive_text() for _ in range(MESSAGES)])
            client.note(
                "in order" if came == [str(number) for number in range(MESSAGES)] else "not all of them"
            )
            await client.see(peer, END_TIMEOUT)


class _Unwound(_Shutdown):
    """Of handlers whose ``finally`` must run."""

    needs = Capability(0)
    client_sees = ("text 'in'", "the process ends")
    handler_sees: ClassVar[tuple[str, ...]] = ("finally",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("in")
        try:
            await self.wait(websocket)
        finally:
            stage.note("finally")

    async def wait(self, websocket: WebSocket) -> None:
        """What the handler does until the end."""
        raise NotImplementedError

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            self.stop(client)
            await see_process_end(client)


class ReceivingHandlerUnwinds(_Unwound):
    """The finally of a handler that receives runs, and the process ends."""

    async def wait(self, websocket: WebSocket) -> None:
        async for _ in websocket:
            pass


class SleepingHandlerUnwinds(_Unwound):
    """A handler that only sleeps keeps nothing: its finally runs, and the process ends."""

    async def wait(self, websocket: WebSocket) -> None:
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def noting(app: App) -> AsyncIterator[Mapping[str, Any]]:
    """A lifespan that notes its end to those who left their stage."""
    stages: list[Stage] = []
    yield {"stages": stages}
    for stage in stages:
        stage.note("the lifespan ends")


class LifespanEndsLast(_Unwound):
    """Handlers unwind before the lifespan ends: what it opened is there for their finally."""

    bare = False
    app_options = {"lifespan": noting}
    handler_sees = ("finally", "the lifespan ends")

    async def wait(self, websocket: WebSocket) -> None:
        await websocket.wait_closed()

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        websocket.state.stages.append(stage)
        await super().handler(websocket, stage)


class NoUpgradeWhileEnding(_Shutdown):
    """Who comes after the signal is not accepted."""

    needs = Capability(0)
    client_sees = ("in every process", "not accepted")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text(str(os.getpid()))
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        # A server's main process tells its workers one after another: one knows while the next still accepts.
        peers: list[Peer] = []
        processes: set[str] = set()
        async with contextlib.AsyncExitStack() as stack:
            while len(processes) < client.tools["running"].server.workers:
                peers.append(await stack.enter_async_context(client.connect()))
                processes.add(await peers[-1].receive_text())
            client.note("in every process")
            self.stop(client)
            for peer in peers:
                with contextlib.suppress(AssertionError, ConnectionClosed):
                    await peer.receive(END_TIMEOUT)
            try:
                async with client.connect():
                    client.note("accepted")
            except (Refused, OSError, AssertionError):
                client.note("not accepted")
