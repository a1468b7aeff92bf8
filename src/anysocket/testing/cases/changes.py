"""Members that vanish, come, go or do not read, while others broadcast."""

from __future__ import annotations

import asyncio

from anysocket._capability import Capability
from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, outcome
from anysocket.testing.cases.members import _Members, joined
from anysocket.testing.cases.rooms import ROOM

LAST = "that was all"
CHANGES_TIMEOUT = 5.0
"""Seconds until everybody has noticed who came and who left."""


class VanishedMember(_Members):
    """A member that vanished delays no broadcast and fails none, and is gone soon."""

    clauses = ("6.1", "6.3")
    client_sees = ("cat gets all in order",)
    handler_sees = ("2",)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        await manager.broadcast_to_room(ROOM, what, exclude=["ann"])
        count = len(manager.get_room_connections(ROOM))
        if what == "last":
            stage.note(str(count))
        await websocket.send_text(str(count))

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, bob, cat = peers
        await bob.abort()
        got: list[str] = []
        sent: list[str] = []
        members = ""
        deadline = asyncio.get_running_loop().time() + 3
        while members != "2" and asyncio.get_running_loop().time() < deadline:
            sent.append(f"round {len(sent)}")
            await ann.send_text(sent[-1])
            got.append(await cat.receive_text())
            members = await ann.receive_text()
            await asyncio.sleep(0.01)
        client.note(f"cat gets {'all in order' if got == sent else 'something else'}")
        await ann.send_text("last")
        await ann.receive_text()


class ChangesDuringBroadcasts(_Members):
    """Members join, leave and vanish during broadcasts: each gets its part, whole and in order."""

    clauses = ("6.3", "6.5")
    names = ("ann", "stays", "leaves", "dies")
    client_sees = ("stays: all", "leaves: the beginning", "comes: the end", "left are ['comes', 'stays']")
    per_round = 20

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        if what == "leave":
            manager.leave_room("leaves", ROOM)
            await websocket.send_text(LAST)
        elif what == "end":
            await manager.broadcast_to_room(ROOM, LAST)
        else:
            manager.leave_room("ann", ROOM)
            for number in range(int(what), int(what) + self.per_round):
                await manager.broadcast_to_room(ROOM, str(number))
                await asyncio.sleep(0)
            await websocket.send_text(str(sorted(manager.get_room_connections(ROOM))))

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, stays, leaves, dies = peers
        await self.round(ann, 0)
        async with asyncio.TaskGroup() as group:
            broadcasting = group.create_task(self.rounds(ann))
            hearing = {"stays": group.create_task(_hear(stays)), "leaves": group.create_task(_hear(leaves))}
            await leaves.send_text("leave")
            await dies.abort()
            async with joined(client, "comes") as comes:
                hearing["comes"] = group.create_task(_hear(comes))
                total, members = await broadcasting
                await ann.send_text("end")
                for name, task in hearing.items():
                    client.note(f"{name}: {_part(await task, total)}")
        client.note(f"left are {members}")

    async def rounds(self, ann: Peer) -> tuple[int, str]:
        """Broadcast until all changes have been seen, and once more. Gives how many messages there were in
        all, and who is in the room."""
        total, members = self.per_round, ""
        deadline = asyncio.get_running_loop().time() + CHANGES_TIMEOUT
        while members != "['comes', 'stays']" and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
            members = await self.round(ann, total)
            total += self.per_round
        return total + self.per_round, await self.round(ann, total)

    async def round(self, ann: Peer, first: int) -> str:
        """A few broadcasts; gives who is in the room then."""
        await ann.send_text(str(first))
        return await ann.receive_text()


async def _hear(peer: Peer) -> list[int]:
    """The numbers that come before the last message."""
    heard: list[int] = []
    while (text := await peer.receive_text()) != LAST:
        heard.append(int(text))
    return heard


def _part(heard: list[int], total: int) -> str:
    """Which part of all numbers this is."""
    if heard == list(range(total)):
        return "all"
    if heard == list(range(len(heard))):
        return "the beginning"
    return "the end" if heard == list(range(total - len(heard), total)) else "gaps or another order"


class SlowMember(_Members):
    """A member that does not read is closed with 1013, and the others get everything meanwhile."""

    clauses = ("6.4", "5.2")
    names = ("ann", "slow")
    needs = Capability.BACKPRESSURE | Capability.CLOSE_CODE | Capability.CLOSE_REASON
    size = 128 << 10
    most = 200
    """Messages that fill any server's buffers, and the system's."""

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.BACKPRESSURE not in capabilities:  # The server keeps what the peer does not read.
            return Sight(("ann gets all in order", f"slow: text {LAST!r}"), ("['ann', 'slow']",))
        close = close_seen(capabilities, 1013, "slow consumer")
        return Sight(
            ("ann gets all in order", f"slow: {close}"), ("closed 1013 'slow consumer' by us", "['ann']")
        )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await super().handler(websocket, stage)
        end = await outcome(websocket.receive())
        if "by us" in end:
            stage.note(end)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        if what == "end":
            stage.note(str(sorted(manager.connections)))
            await manager.broadcast_to_all(LAST)
        else:
            await manager.broadcast_to_room(ROOM, what.ljust(self.size, "."))
            await websocket.send_text(str(sorted(manager.connections)))

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, slow = peers
        sent: list[str] = []
        got: list[str] = []
        members = ""
        while members != "['ann']" and len(sent) < self.most:
            sent.append(f"{len(sent)} ")
            await ann.send_text(sent[-1])
            got.append((await ann.receive_text()).rstrip("."))
            members = await ann.receive_text()
        client.note(f"ann gets {'all in order' if got == sent else 'something else'}")
        await ann.send_text("end")
        while (await client.see(slow)).startswith("text of"):
            client.notes.pop()
        client.note(f"slow: {client.notes.pop()}")
