"""Messages arrive in the order in which they were sent, from any number of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._message import Message
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage, seen

TASKS = 3
MESSAGES = 500
UNDER_WAY = 50
LARGE = 1 << 16
BUSY = 0.6
"""Seconds for which a handler does something else: the peer's end is looked out for meanwhile."""


class _Order(Case):
    """Of this group: the handler sends from several tasks, each message numbered when its send is called.

    Odd numbers are text, even ones bytes.
    """

    group = "order"
    clauses: ClassVar[tuple[str, ...]] = ("5.1",)
    client_sees: ClassVar[tuple[str, ...]] = ("in order",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """Send from several tasks at once."""
        await websocket.accept()
        numbers = iter(range(TASKS * MESSAGES))
        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(self.work(websocket, numbers))
        await websocket.wait_closed()

    async def work(self, websocket: WebSocket, numbers: Iterator[int]) -> None:
        """What one of the tasks does."""

    async def client(self, client: Client) -> None:
        """Receive them all."""
        async with client.connect() as peer:
            messages = [await peer.receive() for _ in range(TASKS * MESSAGES)]
            client.note(told_order(messages))


async def send_number(websocket: WebSocket, numbers: Iterator[int]) -> None:
    """Take the next number when the send begins, as its call does."""
    number = next(numbers)
    await (websocket.send_text(str(number)) if number % 2 else websocket.send_bytes(b"%d" % number))


def told_order(messages: Iterable[Message]) -> str:
    """Whether the messages are the numbers in their order, each in its kind."""
    for number, message in enumerate(messages):
        if message.type != ("text" if number % 2 else "bytes") or int(message.data) != number:
            return "out of order"
    return "in order"


class SendOneByOne(_Order):
    """Three tasks that await each send: in the order of the calls."""

    async def work(self, websocket: WebSocket, numbers: Iterator[int]) -> None:
        for _ in range(MESSAGES):
            await send_number(websocket, numbers)


class SendFromTasks(_Order):
    """Three tasks that start a task for each send: in the order of the calls."""

    async def work(self, websocket: WebSocket, numbers: Iterator[int]) -> None:
        sends: list[asyncio.Task[None]] = []
        for index in range(MESSAGES):
            sends.append(asyncio.create_task(send_number(websocket, numbers)))
            if index % 50 == 0:
                await asyncio.sleep(0)
        for send in sends:
            await send


class SendGathered(_Order):
    """Three tasks that gather all their sends: in the order of the calls."""

    async def work(self, websocket: WebSocket, numbers: Iterator[int]) -> None:
        await asyncio.gather(*(send_number(websocket, numbers) for _ in range(MESSAGES)))


class LargeAndSmall(Case):
    """A large message that takes its time is not overtaken by small ones sent after it."""

    group = "order"
    clauses = ("5.1",)
    rounds = 20
    client_sees = ("in order",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        sends = [
            asyncio.create_task(websocket.send_text(f"{number} " + "x" * (0 if number % 2 else LARGE)))
            for number in range(2 * self.rounds)
        ]
        await asyncio.gather(*sends)
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            texts = [await peer.receive_text() for _ in range(2 * self.rounds)]
            numbers = [int(text.partition(" ")[0]) for text in texts]
            client.note("in order" if numbers == list(range(2 * self.rounds)) else "out of order")


class SendThenClose(Case):
    """A close after sends that were awaited comes after all of them."""

    group = "order"
    clauses = ("5.1", "5.4")
    needs = Capability.CLOSE_CODE

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order", close_seen(capabilities, 4000)))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        numbers = iter(range(UNDER_WAY))
        await asyncio.gather(*(send_number(websocket, numbers) for _ in range(UNDER_WAY)))
        await websocket.close(4000)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            client.note(told_order([await peer.receive() for _ in range(UNDER_WAY)]))
            await client.see(peer)


class CloseWithSendsUnderWay(Case):
    """A close among sends not yet awaited: what arrives is in order, the rest is refused."""

    group = "order"
    clauses = ("5.1", "5.3", "5.4")
    needs = Capability.CLOSE_CODE
    handler_sees = ("each is done or ConnectionClosed",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order", close_seen(capabilities, 4000)), self.handler_sees)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        numbers = iter(range(UNDER_WAY))
        sends = [asyncio.create_task(send_number(websocket, numbers)) for _ in range(UNDER_WAY)]
        await asyncio.sleep(0)
        await websocket.close(4000)
        results = await asyncio.gather(*sends, return_exceptions=True)
        others = {type(result).__name__ for result in results} - {"NoneType", "ConnectionClosed"}
        stage.note(", ".join(sorted(others)) or "each is done or ConnectionClosed")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            messages: list[Message] = []
            while (message := await peer.receive()).code is None:
                messages.append(message)
            client.note(told_order(messages))
            client.note(f"close {message.code} {message.reason!r}")


class ReceiveInOrder(Case):
    """What the peer sends is received in its order, text and bytes mixed."""

    group = "order"
    clauses = ("4.1",)
    handler_sees = ("in order",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note(told_order([await websocket.receive() for _ in range(MESSAGES)]))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for number in range(MESSAGES):
                await peer.send(str(number) if number % 2 else b"%d" % number)
            await client.see_end(peer)
            client.notes.clear()


class BusyHandler(Case):
    """A handler that is busy for a while after each message gets those that came meanwhile, and later."""

    group = "order"
    clauses = ("4.1", "4.6")
    client_sees = ("text 'one'", "text 'two'", "text 'three'", "text 'four'")
    handler_sees = client_sees

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        async for message in websocket:
            stage.note(seen(message))
            await asyncio.sleep(BUSY)
            await websocket.send(message.data)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("one")
            await peer.send("two")
            await client.see(peer)
            await client.see(peer)
            for text in ("three", "four"):
                await peer.send(text)
                await client.see(peer)
