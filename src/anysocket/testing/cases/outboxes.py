"""What becomes of messages to a member that does not read, by each policy."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._manager import WebSocketManager
from anysocket._policy import OutboxPolicy, conflate
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage
from anysocket.testing.cases.backpressure import DOES_NOT_WAIT, WAITS, is_held_back
from anysocket.testing.cases.members import _Members
from anysocket.testing.cases.rooms import ROOM

LAST = "that was all"
SIZE = 128 << 10
MOST = 200
"""Messages of that size that fill any server's buffers, and the system's."""
DROPS = 20
KEYS = 3
PATIENCE = 30.0
"""Seconds for as many broadcasts as it takes to fill the buffers of the server and the system."""


def numbered(number: int) -> str:
    """A large message of its own."""
    return f"{number} ".ljust(SIZE, ".")


class _Outboxes(_Members):
    """Of a member that does not read until the other one has seen that messages are dropped."""

    clauses: ClassVar[tuple[str, ...]] = ("6.3", "6.4")
    names = ("ann", "slow")
    needs = Capability.BACKPRESSURE
    policy: ClassVar[OutboxPolicy]
    sees: ClassVar[str]

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.BACKPRESSURE not in capabilities:  # The server keeps what the peer does not read.
            return Sight(("slow: all of them",), ("none is dropped",))
        return Sight((f"slow: {self.sees}",), ("dropped, and the connection goes on",))

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        slow = manager.connections["slow"]
        count = 0
        while slow.statistics.messages_dropped < DROPS and count < MOST:
            await manager.broadcast_to_room(ROOM, numbered(count), exclude=["ann"], policy=self.policy)
            await asyncio.sleep(0)
            count += 1
        drops = slow.statistics.messages_dropped
        goes_on = "the connection goes on" if "slow" in manager.connections else "the connection ends"
        stage.note(f"dropped, and {goes_on}" if drops else "none is dropped")
        await websocket.send_text(str(count))
        await manager.send_to("slow", LAST, policy="block")

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, slow = peers
        await ann.send_text("go")
        count = int(await ann.receive_text(PATIENCE))
        got: list[int] = []
        while (text := await slow.receive_text()) != LAST:
            got.append(int(text.rstrip(".")))
        client.note(f"slow: {'all of them' if got == list(range(count)) else self.judge(got, count)}")

    def judge(self, got: list[int], count: int) -> str:
        """Which of the numbers have come."""
        raise NotImplementedError


class DropOldest(_Outboxes):
    """With drop_oldest a slow member misses messages in between, and gets the newest, in order."""

    policy = "drop_oldest"
    sees = "in order, the newest included"

    def judge(self, got: list[int], count: int) -> str:
        order = "in order" if got == sorted(set(got)) else "out of order"
        return f"{order}, the newest {'included' if got[-1:] == [count - 1] else 'missing'}"


class DropNewest(_Outboxes):
    """With drop_newest a slow member gets what fits, in order, and misses what came when it was full."""

    policy = "drop_newest"
    sees = "in order, the newest missing"
    judge = DropOldest.judge


class ConflateByKey(_Outboxes):
    """With conflate(key) a slow member gets the newest message of each key."""

    policy = conflate(lambda text: int(text[: text.index(" ")]) % KEYS)
    sees = "each key in order, its newest included"

    def judge(self, got: list[int], count: int) -> str:
        by_key = [[number for number in got if number % KEYS == key] for key in range(KEYS)]
        order = "in order" if all(numbers == sorted(set(numbers)) for numbers in by_key) else "out of order"
        newest = {numbers[-1] for numbers in by_key if numbers} == set(range(count - KEYS, count))
        return f"each key {order}, its newest {'included' if newest else 'missing'}"


class BlockUntilThereIsRoom(_Members):
    """With block the broadcast waits for a slow member, and nobody else does; all get all, in order."""

    clauses = ("6.4", "6.5")
    names = ("ann", "slow")
    needs = Capability.BACKPRESSURE
    client_sees = ("ann: 'meanwhile', all in order", "slow: all in order")

    def expected(self, capabilities: Capability) -> Sight:
        waits = Capability.BACKPRESSURE in capabilities
        return Sight(self.client_sees, (WAITS if waits else DOES_NOT_WAIT, "2 each"))

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        counts: list[int] = []
        broadcasts = asyncio.create_task(self.broadcast(manager, counts))
        stage.note(WAITS if await is_held_back(broadcasts, counts) else DOES_NOT_WAIT)
        await manager.send_to("ann", "meanwhile")
        await broadcasts
        await manager.broadcast_to_room(ROOM, LAST, policy="block")
        stage.note("2 each" if set(counts) == {2} else str(counts))

    async def broadcast(self, manager: WebSocketManager, counts: list[int]) -> None:
        for number in range(MOST):
            counts.append(await manager.broadcast_to_room(ROOM, numbered(number), policy="block"))

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, slow = peers
        await ann.send_text("go")
        # The slow one begins to read once the fast one has got what was sent to it alone.
        meanwhile = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(self.hear(ann, meanwhile))
            await meanwhile.wait()
            behind = await self.hear(slow, meanwhile)
        client.note(f"ann: 'meanwhile', {hearing.result()}")
        client.note(f"slow: {behind}")

    async def hear(self, peer: Peer, meanwhile: asyncio.Event) -> str:
        """What comes before the last message."""
        got: list[int] = []
        while (text := await peer.receive_text()) != LAST:
            if text == "meanwhile":
                meanwhile.set()
            else:
                got.append(int(text.rstrip(".")))
        return "all in order" if got == list(range(MOST)) else "something else"
