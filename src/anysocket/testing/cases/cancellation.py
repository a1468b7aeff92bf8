"""A cancelled call loses nothing and leaves no half of anything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed
from anysocket._message import Message
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._peer import Refused
from anysocket.testing._stage import Stage, outcome

ENOUGH = 200
"""So many messages were received and so many receives cancelled."""
RACE_SECONDS = 5.0
SENDS = 300
LARGE = 20_000
ACCEPTS = 5
NOTHING_LOST = "nothing lost, in order"


class _Cancellation(Case):
    """Of this group."""

    group = "cancellation"
    clauses: ClassVar[tuple[str, ...]] = ("4.5",)


class _Racing(_Cancellation):
    """Of receives whose cancellation races the arrivals."""

    handler_sees: ClassVar[tuple[str, ...]] = (NOTHING_LOST,)

    async def receive_one(self, websocket: WebSocket) -> Message | None:
        """A message, or None if cancelled before."""
        raise NotImplementedError

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            stage.note(_told_losses(await self._race(websocket)))
        except Exception as error:
            stage.note(type(error).__name__)

    async def _race(self, websocket: WebSocket) -> list[str | bytes]:
        received: list[str | bytes] = []
        cancelled = 0
        deadline = time.monotonic() + RACE_SECONDS
        while min(len(received), cancelled) < ENOUGH and time.monotonic() < deadline:
            message = await self.receive_one(websocket)
            if message is None:
                cancelled += 1
            else:
                received.append(message.data)
        await websocket.send_text("enough")
        while (message := await websocket.receive()).data != "end" and message.code is None:
            received.append(message.data)
        return received

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            told = asyncio.create_task(peer.receive(2 * RACE_SECONDS))
            number = 0
            with contextlib.suppress(ConnectionClosed):
                while not told.done():
                    await peer.send(str(number))
                    number += 1
                    await asyncio.sleep(random.random() / 500)
                await told
                await peer.send("end")
                # Its close comes when the handler has read what has piled up, and has noted what it found.
                # Not every server closes by itself.
                with contextlib.suppress(AssertionError):
                    await peer.receive(2 * RACE_SECONDS)
            # It may have ended by what a send was told of first.
            await asyncio.gather(told, return_exceptions=True)


def _told_losses(received: list[str | bytes]) -> str:
    numbers = [int(data) for data in received]
    if numbers == list(range(len(numbers))):
        return NOTHING_LOST
    return "messages lost" if numbers == sorted(numbers) else "out of order"


class ReceiveInTimeouts(_Racing):
    """Receives that asyncio.timeout() cuts short lose and reorder nothing."""

    async def receive_one(self, websocket: WebSocket) -> Message | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.random() / 1000):
                return await websocket.receive()
        return None


class ReceiveInWaitFor(_Racing):
    """Receives that asyncio.wait_for() cuts short lose and reorder nothing."""

    async def receive_one(self, websocket: WebSocket) -> Message | None:
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(websocket.receive(), random.random() / 1000)
        return None


class ReceiveInStormOfCancels(_Racing):
    """Receives that are cancelled in a storm, a few rounds of the loop apart, lose nothing."""

    async def receive_one(self, websocket: WebSocket) -> Message | None:
        task = asyncio.create_task(websocket.receive())
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await task
        return None


class ReceiveAfterCancel(_Cancellation):
    """After a receive that was cancelled the next one gets the message."""

    client_sees = ("text 'ready'", "text 'and on'")
    handler_sees = ("TimeoutError", "TimeoutError", "cancelled", "text 'one'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(_timed_out(websocket))
        await stage.attempt(asyncio.wait_for(websocket.receive(), 0.01))
        task = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        stage.note("cancelled" if task.cancelled() else "not cancelled")
        await websocket.send_text("ready")
        await stage.attempt(websocket.receive())
        await websocket.send_text("and on")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            await peer.send("one")
            await client.see(peer)


async def _timed_out(websocket: WebSocket) -> None:
    async with asyncio.timeout(0.01):
        await websocket.receive()


class LoopAfterTimeout(_Cancellation):
    """A loop over the messages that a timeout cut short can be begun again, and loses nothing."""

    clauses = ("4.3", "4.5")
    client_sees = ("text 'ready'",)
    handler_sees = ("TimeoutError", "text 'a'", "text 'b'", "the loop ends")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            async with asyncio.timeout(0.01):
                async for message in websocket:
                    stage.note(f"early {message.data!r}")
        except TimeoutError:
            stage.note("TimeoutError")
        await websocket.send_text("ready")
        async for message in websocket:
            stage.note(f"{message.type} {message.data!r}")
        stage.note("the loop ends")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            await peer.send("a")
            await peer.send("b")
            await peer.close()


class CancelledSends(_Cancellation):
    """A cancelled send is sent whole or not at all; what was not cancelled arrives, in order."""

    clauses = ("5.1", "5.2")
    client_sees = ("each whole, in order", "all that were done")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        done: list[int] = []
        for number in range(SENDS):
            send = asyncio.create_task(websocket.send_text(f"{number} {'x' * LARGE}."))
            for _ in range(random.randrange(4)):
                await asyncio.sleep(0)
            send.cancel()
            if await asyncio.wait({send}) and not send.cancelled() and send.exception() is None:
                done.append(number)
        await websocket.send_json(done)
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            arrived: list[int] = []
            whole = re.compile(rf"(\d+) x{{{LARGE}}}\.")
            while match := whole.fullmatch(text := await peer.receive_text()):
                arrived.append(int(match[1]))
            in_order = text.startswith("[") and arrived == sorted(set(arrived))
            client.note("each whole, in order" if in_order else "broken or out of order")
            done = set(map(int, re.findall(r"\d+", text)))
            client.note("all that were done" if done <= set(arrived) else "not all that were done")


class CancelledAccept(_Cancellation):
    """accept() that is cancelled ends the connection, or has accepted it: nothing in between."""

    clauses = ("3.1", "5.3")
    client_sees = (f"{ACCEPTS} ended or accepted",)
    handler_sees = ("ended or accepted",) * ACCEPTS

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        accepting = asyncio.create_task(websocket.accept())
        await asyncio.sleep(0)
        accepting.cancel()
        await asyncio.wait({accepting})
        sent = await outcome(websocket.send_text("accepted"))
        fits = sent.startswith("closed ") if accepting.cancelled() else sent == "done"
        stage.note("ended or accepted" if fits else f"neither: {sent}")

    async def client(self, client: Client) -> None:
        for _ in range(ACCEPTS):
            with contextlib.suppress(Refused, ConnectionClosed):
                async with client.connect() as peer:
                    await peer.receive()
        client.note(f"{ACCEPTS} ended or accepted")


class CancelledClose(_Cancellation):
    """close() that is cancelled closes all the same."""

    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON
    clauses = ("5.4",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4000, "bye"),), ("closed 4000 'bye' by us",))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        closing = asyncio.create_task(websocket.close(4000, "bye"))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait({closing})
        await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
