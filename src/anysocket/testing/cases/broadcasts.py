"""One message to many."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket._capability import Capability
from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage, seen
from anysocket.testing.cases.members import _Members, see
from anysocket.testing.cases.rooms import ROOM

LAST = "that was all"


class _Broadcasts(_Members):
    """Of what the first member broadcasts, and what each gets of it."""

    clauses = ("6.3",)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        await self.broadcast(manager, stage)
        await manager.broadcast_to_all(LAST)

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        """Several messages, perhaps; one more follows to all."""
        raise NotImplementedError

    async def script(self, client: Client, *peers: Peer) -> None:
        await peers[0].send_text("go")
        for name, peer in zip(self.names, peers, strict=True):
            got = [seen(await peer.receive())]
            while got[-1] != f"text {LAST!r}":
                got.append(seen(await peer.receive()))
            client.note(f"{name}: {', '.join(got[:-1]) or 'nothing'}")


class BroadcastToRoom(_Broadcasts):
    """A room's members get text and bytes, and nobody else does."""

    client_sees = ("ann: text 'é', bytes b'\\x00'", "bob: text 'é', bytes b'\\x00'", "cat: nothing")
    handler_sees = ("2", "2", "0")

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        manager.leave_room("cat", ROOM)
        manager.join_room("cat", "another room")
        stage.note(str(await manager.broadcast_to_room(ROOM, "é")))
        stage.note(str(await manager.broadcast_to_room(ROOM, b"\x00")))
        stage.note(str(await manager.broadcast_to_room("nobody's room", "hello?")))


class BroadcastToAll(_Broadcasts):
    """broadcast_to_all reaches every connection, in rooms or not, and says how many."""

    client_sees = ("ann: text 'all'", "bob: text 'all'", "cat: text 'all'")
    handler_sees = ("3",)

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        manager.leave_room("cat", ROOM)
        stage.note(str(await manager.broadcast_to_all("all")))


class BroadcastExclude(_Broadcasts):
    """Whoever is excluded gets nothing and is not counted."""

    client_sees = ("ann: text '1', text '3'", "bob: text '2'", "cat: text '1', text '2'")
    handler_sees = ("2", "2", "1", "0")

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        stage.note(str(await manager.broadcast_to_room(ROOM, "1", exclude=["bob", "nobody"])))
        stage.note(str(await manager.broadcast_to_room(ROOM, "2", exclude="ann")))
        stage.note(str(await manager.broadcast_to_all("3", exclude={"bob", "cat"})))
        stage.note(str(await manager.broadcast_to_all("4", exclude=self.names)))


class BroadcastImproper(_Broadcasts):
    """What is no message is a TypeError or a ValueError for the caller, and harms no member."""

    client_sees = ("ann: text 'fine'", "bob: text 'fine'", "cat: text 'fine'")
    handler_sees = ("TypeError", "TypeError", "ValueError", "3")

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        improper: tuple[Any, ...] = (None, {"a": 1}, "\ud800")
        for message in improper:
            try:
                await manager.broadcast_to_room(ROOM, message)
            except (TypeError, ValueError) as error:
                stage.note("TypeError" if isinstance(error, TypeError) else "ValueError")
        stage.note(str(await manager.broadcast_to_room(ROOM, "fine")))


class SendToOne(_Broadcasts):
    """send_to reaches one connection by id, and says False where there is none."""

    clauses = ("6.6",)
    client_sees = ("ann: nothing", "bob: text 'hello', bytes b'\\x00'", "cat: nothing")
    handler_sees = ("True", "True", "False")

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        stage.note(str(await manager.send_to("bob", "hello")))
        stage.note(str(await manager.send_to("bob", b"\x00")))
        stage.note(str(await manager.send_to("nobody", "hello?")))


class DisconnectOne(_Members):
    """disconnect closes one connection by id; a code that may not be sent is a ValueError."""

    clauses = ("6.6",)
    names = ("ann", "bob")
    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON
    handler_sees = ("ValueError", "True", "False", "['ann']")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(
            (f"bob: {close_seen(capabilities, 4001, 'out')}", "ann: text 'and on'"), self.handler_sees
        )

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        await stage.attempt(manager.disconnect("bob", 1005))
        stage.note(str(await manager.disconnect("bob", 4001, "out")))
        stage.note(str(await manager.disconnect("bob", 4001, "out")))
        stage.note(str(list(manager.connections)))
        await manager.broadcast_to_all("and on")

    async def script(self, client: Client, *peers: Peer) -> None:
        ann, bob = peers
        await ann.send_text("go")
        await see(client, "bob", bob)
        await see(client, "ann", ann)


class SameOrder(_Members):
    """What two members broadcast at the same time reaches everyone in the same order."""

    clauses = ("6.5", "5.1")
    client_sees = ("all in the same order", "ann's in order, bob's in order")
    count = 200

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        for number in range(self.count):
            await manager.broadcast_to_room(ROOM, f"{what} {number}")
            await asyncio.sleep(0)

    async def script(self, client: Client, *peers: Peer) -> None:
        for name, peer in zip(("ann", "bob"), peers, strict=False):
            await peer.send_text(name)
        first, *others = await asyncio.gather(*(self.listen(peer) for peer in peers))
        client.note(f"all in {'the same' if all(each == first for each in others) else 'their own'} order")
        own = ", ".join(f"{name}'s {self.judge(name, first)}" for name in ("ann", "bob"))
        client.note(own)

    async def listen(self, peer: Peer) -> list[str]:
        """All that comes."""
        return [await peer.receive_text() for _ in range(2 * self.count)]

    def judge(self, name: str, messages: list[str]) -> str:
        """Whether one broadcaster's messages are there in order."""
        own = [message for message in messages if message.startswith(name)]
        return "in order" if own == [f"{name} {number}" for number in range(self.count)] else "out of order"
