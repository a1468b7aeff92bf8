"""Whoever is too slow holds the other side back: neither fills the server's memory."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, outcome, shown
from anysocket.testing.cases._ends import NOTICED, note_end, noticed_soon, send_to_the_end

MIB = 1 << 20
LARGE = MIB // 2
MOST = 64 * MIB // LARGE
"""So many large messages are on their way at most where something holds the sender back."""
STILL = 1.0
"""Seconds after which a send that is not done waits for its receiver."""
UNREAD = 40


class _Backpressure(Case):
    """Of this group."""

    group = "backpressure"


async def is_held_back(sends: asyncio.Task[None], progress: list[int]) -> bool:
    """Whether the sends, which count their progress, come to a stop before they are done."""
    while True:
        before = len(progress)
        await asyncio.wait({sends}, timeout=STILL)
        if sends.done():
            return False
        if len(progress) == before:
            return True


class HandlerThatNeverReads(_Backpressure):
    """A handler that does not read holds the peer back before 64 MiB."""

    clauses = ("4.7",)
    client_sees = ("held back",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("end")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            progress: list[int] = []
            sends = asyncio.create_task(self._send(peer, progress))
            client.note("held back" if await is_held_back(sends, progress) else "not held back")
            sends.cancel()
            await asyncio.wait({sends})
            client.cue("end")

    async def _send(self, peer: Peer, progress: list[int]) -> None:
        for number in range(MOST):
            # Several messages at once would hide in the client's own buffer.
            await peer.send(bytes(LARGE))
            progress.append(number)


class HandlerThatReadsLate(_Backpressure):
    """A handler that reads late gets everything, in order, and the peer goes on."""

    clauses = ("4.1", "4.7")
    client_sees = ("all sent", "text 'in order'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("read")
        messages = [await websocket.receive() for _ in range(UNREAD)]
        in_order = [message.data for message in messages] == [numbered(number) for number in range(UNREAD)]
        await websocket.send_text("in order" if in_order else "out of order")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            sends = asyncio.create_task(self._send(peer))
            await asyncio.wait({sends}, timeout=STILL / 2)
            client.cue("read")
            await sends
            client.note("all sent")
            await client.see(peer)

    async def _send(self, peer: Peer) -> None:
        for number in range(UNREAD):
            await peer.send(numbered(number))


def numbered(number: int) -> bytes:
    """A large message of its own."""
    return number.to_bytes(2, "big") * (LARGE // 2)


class _SlowPeer(_Backpressure):
    """Of sends to a peer that does not read. The handler notes whether they wait."""

    needs = Capability.BACKPRESSURE
    clauses: ClassVar[tuple[str, ...]] = ("5.2",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        progress: list[int] = []
        sends = asyncio.create_task(self._send(websocket, progress))
        waits = await is_held_back(sends, progress)
        stage.note(WAITS if waits else DOES_NOT_WAIT)
        await self.at_last(websocket, stage, sends, waits=waits)

    async def _send(self, websocket: WebSocket, progress: list[int]) -> None:
        for number in range(MOST):
            await websocket.send_bytes(numbered(number))
            progress.append(number)

    async def at_last(
        self, websocket: WebSocket, stage: Stage, sends: asyncio.Task[None], *, waits: bool
    ) -> None:
        """What happens once that is known."""
        raise NotImplementedError


WAITS = "the send waits"
DOES_NOT_WAIT = "the sends do not wait"


def waits_seen(capabilities: Capability) -> str:
    """What the handler notes of its sends."""
    return WAITS if Capability.BACKPRESSURE in capabilities else DOES_NOT_WAIT


class SendToSlowPeer(_SlowPeer):
    """A send waits while the peer does not read; when it does, it gets everything, in order."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order",), (waits_seen(capabilities), "all sent"))

    async def at_last(
        self, websocket: WebSocket, stage: Stage, sends: asyncio.Task[None], *, waits: bool
    ) -> None:
        await sends
        stage.note("all sent")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            async with asyncio.timeout(10):
                await _first_noted(client, WAITS, DOES_NOT_WAIT)
            data = [(await peer.receive()).data for _ in range(MOST)]
            in_order = data == [numbered(number) for number in range(MOST)]
            client.note("in order" if in_order else "out of order")


class SlowPeerIsClosed(_SlowPeer):
    """A peer that stops reading for three seconds while it is closed gets the messages, then the close."""

    needs = Capability.BACKPRESSURE | Capability.CLOSE_CODE
    clauses: ClassVar[tuple[str, ...]] = ("5.2", "5.4")
    reads_first = 3
    """Messages: lets the server come as far as its close, with what the system holds still to be read."""
    pause = 3.0
    """Seconds."""

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order", close_seen(capabilities, 4000)), (waits_seen(capabilities),))

    async def at_last(
        self, websocket: WebSocket, stage: Stage, sends: asyncio.Task[None], *, waits: bool
    ) -> None:
        await websocket.close(4000)
        await outcome(sends)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            async with asyncio.timeout(10):
                await _first_noted(client, WAITS, DOES_NOT_WAIT)
            for _ in range(self.reads_first):
                await client.see(peer)
            await asyncio.sleep(self.pause)
            while (await client.see(peer)).startswith("bytes"):
                pass
            *got, end = client.notes
            in_order = got == [f"bytes {shown(numbered(number))}" for number in range(len(got))]
            client.notes[:] = ["in order" if in_order else "out of order", end]


class _SlowPeerEnds(_SlowPeer):
    """Of a send that waits when the connection ends."""

    clauses: ClassVar[tuple[str, ...]] = ("4.6", "5.2", "5.3")

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.BACKPRESSURE not in capabilities:
            return Sight((), (DOES_NOT_WAIT,))
        return Sight(("noticed within a second",), (WAITS, NOTICED, "ConnectionClosed"))

    async def at_last(
        self, websocket: WebSocket, stage: Stage, sends: asyncio.Task[None], *, waits: bool
    ) -> None:
        if not waits:
            return
        came = await outcome(asyncio.wait_for(sends, 2 * STILL))
        if came == "done":  # Some servers take at once what is sent to a dead peer.
            await send_to_the_end(websocket, stage, 0.02)
        else:
            note_end(stage, came)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            async with asyncio.timeout(10):
                waits = await _first_noted(client, WAITS, DOES_NOT_WAIT) == WAITS
            await self.end(peer)
            if waits:
                await noticed_soon(client)

    async def end(self, peer: Peer) -> None:
        """How the peer ends the connection."""
        raise NotImplementedError


async def _first_noted(client: Client, *texts: str) -> str:
    """Wait for any of these notes of the handler, and tell which it was."""
    waits = [asyncio.create_task(client.noted(text), name=text) for text in texts]
    done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return next(iter(done)).get_name()


class SlowPeerIsReset(_SlowPeerEnds):
    """A send that waits for a slow peer is told within a second that it is reset."""

    async def end(self, peer: Peer) -> None:
        await peer.abort()


class SlowPeerHangsUp(_SlowPeerEnds):
    """A send that waits for a slow peer is told within a second that its process ended."""

    async def end(self, peer: Peer) -> None:
        await peer.hang_up()


class SlowPeerCloses(_SlowPeerEnds):
    """A send that waits for a slow peer is told within a second that it closes."""

    async def end(self, peer: Peer) -> None:
        await peer.close()
