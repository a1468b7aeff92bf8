"""Several rooms at once, the devices of a user, and what is told of them."""

from __future__ import annotations

from anysocket._capability import Capability
from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._peer import Peer
from anysocket.testing._stage import Stage
from anysocket.testing.cases.broadcasts import _Broadcasts
from anysocket.testing.cases.members import _Members, see
from anysocket.testing.cases.rooms import ROOM, manager_of


class BroadcastToRooms(_Broadcasts):
    """broadcast_to_rooms serves each member of several rooms once."""

    client_sees = ("ann: text 'once', bytes b'\\x00'", "bob: text 'once'", "cat: nothing")
    handler_sees = ("2", "1", "0")

    async def broadcast(self, manager: WebSocketManager, stage: Stage) -> None:
        manager.join_room("ann", "second")
        manager.join_room("bob", "second")
        manager.leave_room("bob", ROOM)
        manager.leave_room("cat", ROOM)
        rooms = [ROOM, "second", "nobody's room"]
        stage.note(str(await manager.broadcast_to_rooms(rooms, "once")))
        stage.note(str(await manager.broadcast_to_rooms(rooms, b"\x00", exclude=["bob"])))
        stage.note(str(await manager.broadcast_to_rooms([], "nobody")))


class _Devices(_Members):
    """Of two devices of one user, and somebody else."""

    clauses = ("6.6",)
    names = ("phone", "laptop", "bob")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        manager = manager_of(stage)
        name = websocket.scope.path.rpartition("/")[2]
        await websocket.accept()
        manager.add_connection(name, websocket, user="bob" if name == "bob" else "ada")
        await websocket.send_text("joined")
        async for message in websocket:
            await self.act(str(message.data), websocket, manager, stage)


class SendToUser(_Devices):
    """A message to a user reaches all of their devices, and nobody else."""

    client_sees = ("phone: text 'hello'", "laptop: text 'hello'", "bob: text 'for bob'")
    handler_sees = ("2", "0", "1")

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        stage.note(str(await manager.user("ada").send("hello")))
        stage.note(str(await manager.user("eve").send("hello")))
        stage.note(str(await manager.user("bob").send("for bob")))

    async def script(self, client: Client, *peers: Peer) -> None:
        await peers[0].send_text("go")
        for name, peer in zip(self.names, peers, strict=True):
            await see(client, name, peer)


class DisconnectUser(_Devices):
    """Disconnecting a user closes all of their devices, and the user is gone."""

    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON
    handler_sees = ("2", "set()", "['bob']")

    def expected(self, capabilities: Capability) -> Sight:
        close = close_seen(capabilities, 4001, "signed out")
        return Sight((f"phone: {close}", f"laptop: {close}", "bob: text 'and on'"), self.handler_sees)

    async def act(self, what: str, websocket: WebSocket, manager: WebSocketManager, stage: Stage) -> None:
        stage.note(str(await manager.user("ada").disconnect(4001, "signed out")))
        stage.note(str(manager.user("ada").connections))
        stage.note(str(list(manager.connections)))
        await websocket.send_text("and on")

    async def script(self, client: Client, *peers: Peer) -> None:
        await peers[2].send_text("go")
        for name, peer in zip(self.names, peers, strict=True):
            await see(client, name, peer)


class EventsOfMember(_Members):
    """Connecting, joining, leaving and disconnecting are told, each once and in order."""

    clauses = ("6.1", "6.2")
    names = ("ann",)
    handler_sees = (
        "ann connects",
        "ann joins room",
        "ann joins b",
        "ann leaves b",
        "ann leaves room",
        "ann ends",
    )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        manager = manager_of(stage)
        listen(manager, stage)
        await websocket.accept()
        manager.add_connection("ann", websocket)
        for _ in range(2):
            manager.join_room("ann", ROOM)
        manager.join_room("ann", "b")
        for _ in range(2):
            manager.leave_room("ann", "b")
        await websocket.send_text("joined")
        await websocket.wait_closed()

    async def script(self, client: Client, *peers: Peer) -> None:
        await peers[0].abort()
        await client.noted("ann ends")


def listen(manager: WebSocketManager, stage: Stage) -> None:
    """Note what the manager tells."""

    @manager.on_connect
    def connected(id: str) -> None:
        stage.note(f"{id} connects")

    @manager.on_join
    def joined(id: str, room: str) -> None:
        stage.note(f"{id} joins {room}")

    @manager.on_leave
    def left(id: str, room: str) -> None:
        stage.note(f"{id} leaves {room}")

    @manager.on_disconnect
    async def disconnected(id: str) -> None:
        stage.note(f"{id} ends")
