"""Members of one room: connections of one play, each by its name; and how they leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from anysocket._capability import Capability
from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage
from anysocket.testing.cases.rooms import ROOM, Rooms, manager_of, outcome_of

LEFT_TIMEOUT = 5.0
"""Seconds for a member to be gone once its peer is."""
LOOKS = 200


class _Members(Rooms):
    """Of several members of one room, whose names are the ends of their paths. Each says "joined" first."""

    names: tuple[str, ...] = ("ann", "bob", "cat")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """A member of the room."""
        manager = manager_of(stage)
        name = websocket.scope.path.rpartition("/")[2]
        await websocket.accept()
        manager.add_connection(name, websocket)
        manager.join_room(name, ROOM)
        await websocket.send_text("joined")
        async for message in websocket:
            await self.act(str(message.data), websocket, manager, stage)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        """What a member does when its client says so."""

    async def client(self, client: Client) -> None:
        """Everybody joins before anything happens."""
        async with contextlib.AsyncExitStack() as stack:
            await self.script(
                client, *[await stack.enter_async_context(joined(client, name)) for name in self.names]
            )

    async def script(self, client: Client, *peers: Peer) -> None:
        """What the members' clients do, each with its peer."""
        raise NotImplementedError


@contextlib.asynccontextmanager
async def joined(client: Client, name: str) -> AsyncIterator[Peer]:
    """A client whose handler is a member of the room."""
    async with client.connect(f"/{name}") as peer:
        await peer.receive_text()
        yield peer


async def see(client: Client, name: str, peer: Peer) -> None:
    """Note what a member's client gets next."""
    await client.see(peer)
    client.note(f"{name}: {client.notes.pop()}")


class IdInUse(_Members):
    """A second socket under a live id is a ValueError, and the first one stays in its rooms."""

    clauses = ("6.1",)
    names = ("ann", "double")
    client_sees = ("ann: text 'hello'",)
    handler_sees = ("ValueError", "True")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        manager = manager_of(stage)
        await websocket.accept()
        if websocket.scope.path.endswith("/ann"):
            manager.add_connection("ann", websocket)
            manager.join_room("ann", ROOM)
        else:
            stage.note(outcome_of(lambda: manager.add_connection("ann", websocket)))
            stage.note(repr(await manager.send_to("ann", "hello")))
        await websocket.send_text("joined")
        await websocket.wait_closed()

    async def script(self, client: Client, *peers: Peer) -> None:
        await see(client, "ann", peers[0])


class _Leaves(_Members):
    """Of the ways in which a member ends. Another one looks on until it is gone."""

    clauses = ("6.1",)
    names = ("observer", "ann")
    client_sees = ("observer: text \"['observer'], ['lobby']\"",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        manager = manager_of(stage)
        name = websocket.scope.path.rpartition("/")[2]
        await websocket.accept()
        manager.add_connection(name, websocket)
        manager.join_room(name, "lobby" if name == "observer" else ROOM)
        await websocket.send_text("joined")
        if name == "observer":
            await websocket.receive()
            for _ in range(LOOKS):
                if "ann" in manager.connections:
                    await asyncio.sleep(LEFT_TIMEOUT / LOOKS)
            await websocket.send_text(f"{list(manager.connections)}, {list(manager.rooms)}")
            await websocket.wait_closed()
        else:
            await self.stay(websocket, manager)

    async def stay(self, websocket: WebSocket, manager: WebSocketManager) -> None:
        """What the member does until its end."""
        await websocket.wait_closed()

    async def script(self, client: Client, *peers: Peer) -> None:
        observer, ann = peers
        await self.end(client, ann)
        await observer.send_text("is she gone?")
        await see(client, "observer", observer)

    async def end(self, client: Client, ann: Peer) -> None:
        """What the member's client does."""
        await ann.send_text("go")


class LeavesAtClose(_Leaves):
    """A member whose peer closes leaves every room by itself, and its empty room is gone."""

    async def end(self, client: Client, ann: Peer) -> None:
        await ann.close(4001, "bye")


class LeavesAtReset(_Leaves):
    """A member whose connection is reset leaves by itself."""

    async def end(self, client: Client, ann: Peer) -> None:
        await ann.abort()


class LeavesAtHangUp(_Leaves):
    """A member whose peer hangs up without a close frame leaves by itself."""

    async def end(self, client: Client, ann: Peer) -> None:
        await ann.hang_up()


class LeavesAtOwnClose(_Leaves):
    """A member whose handler closes leaves by itself, although the handler goes on."""

    async def stay(self, websocket: WebSocket, manager: WebSocketManager) -> None:
        await websocket.receive()
        await websocket.close(4002, "that is all")
        await websocket.wait_closed()


class LeavesAtReturn(_Leaves):
    """A member whose handler returns leaves by itself."""

    async def stay(self, websocket: WebSocket, manager: WebSocketManager) -> None:
        await websocket.receive()


class LeavesAtFailure(_Leaves):
    """A member whose handler raises leaves by itself."""

    async def stay(self, websocket: WebSocket, manager: WebSocketManager) -> None:
        await websocket.receive()
        raise LookupError("on purpose, for a contract case")


class LeavesAtOversize(_Leaves):
    """A member whose peer sends more than max_message_bytes leaves by itself."""

    route_options = {"max_message_bytes": 1024}

    async def end(self, client: Client, ann: Peer) -> None:
        await ann.send_text("x" * 1025)


class LeavesAtDisconnect(_Leaves):
    """A member that the manager disconnects leaves by itself."""

    async def stay(self, websocket: WebSocket, manager: WebSocketManager) -> None:
        await websocket.receive()
        await manager.disconnect("ann", 4003, "out")
        await websocket.wait_closed()


class JoinAfterTheEnd(_Members):
    """A member that has ended cannot join any more: ConnectionClosed with its end, no LookupError."""

    clauses = ("6.1", "6.2", "9")
    names = ("ann",)
    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON
    handler_sees = ("closed 4004 'over' by us", "[]")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((f"ann: {close_seen(capabilities, 4004, 'over')}",), self.handler_sees)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        await websocket.close(4004, "over")

        async def join() -> None:
            manager.join_room("ann", "another")

        await stage.attempt(join())
        stage.note(repr(list(manager.rooms)))

    async def script(self, client: Client, *peers: Peer) -> None:
        await peers[0].send_text("go")
        await see(client, "ann", peers[0])
