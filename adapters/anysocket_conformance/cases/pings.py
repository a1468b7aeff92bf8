"""Pings of the server's own, to peers that answer and to those that do not (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import time
from collections.abc import Sequence

from anysocket import Capability, WebSocket
from anysocket.testing._case import Client, Sight, loss_seen
from anysocket.testing._stage import Stage, outcome
from anysocket_conformance._server_case import ServerCase
from anysocket_conformance.cases._frames import see_end, upgraded
from anysocket_servers import PING, PONG, PONG_TIMEOUT, FrameConnection, Server

PING_TIMEOUT = 5.0
"""Seconds within which a server pings that is told to do so each second; Daphne looks every two."""
DROP_TIMEOUT = 8.0
STAY = PONG_TIMEOUT + 1.0
"""Seconds after the first ping by which a peer that had not answered it would have been dropped."""


class _Pinged(ServerCase):
    """Of this group: the server is told to ping each second, and how long to wait for the answer."""

    group = "pings"
    clauses = ("8",)
    needs = Capability.PING | Capability.LOST_IS_1006
    tools = ("frames",)

    def arguments(self, server: Server) -> Sequence[str]:
        return server.ping_options

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note(await outcome(websocket.receive_text()))

    async def next_ping(self, client: Client, frames: FrameConnection) -> bytes | None:
        """What the next ping carries; None, and a note, when something else comes, or nothing."""
        try:
            received = await frames.receive(PING_TIMEOUT)
        except TimeoutError:
            client.note("nothing")
            return None
        if received is None or received[0] != PING:
            client.note("the connection ends" if received is None else "another frame")
            return None
        return received[1]


class SilentPeer(_Pinged):
    """A peer that answers no ping is dropped, and the handler told."""

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.PING not in capabilities:
            return Sight(("nothing",))
        return Sight(("ping", "the connection ends"), (loss_seen(capabilities),))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            if await self.next_ping(client, frames) is not None:
                client.note("ping")
                await see_end(client, frames, DROP_TIMEOUT)


class AnsweringPeer(_Pinged):
    """A peer that answers pings and sends nothing else stays."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("ping", "stays") if Capability.PING in capabilities else ("nothing",))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            if (payload := await self.next_ping(client, frames)) is None:
                return
            client.note("ping")
            seen = time.monotonic()
            while time.monotonic() < seen + STAY:
                frames.send(PONG, payload)
                if (payload := await self.next_ping(client, frames)) is None:
                    return
            client.note("stays")
