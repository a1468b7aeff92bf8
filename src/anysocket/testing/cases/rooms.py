"""Who is connected and who is in which room."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage

ROOM = "room"

MANAGERS: WeakValueDictionary[str, WebSocketManager] = WeakValueDictionary()


def manager_of(stage: Stage) -> WebSocketManager:
    """The one that all handlers of a play share, as long as one of them runs."""
    return MANAGERS.setdefault(stage.token, WebSocketManager())


class Rooms(Case):
    """Of this group. Its connections meet in one process, as rooms do without a backplane."""

    group = "rooms"
    bare = False
    one_process = True


class _Books(Rooms):
    """Of what one handler can tell of the manager."""

    one_process = False

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        manager = manager_of(stage)
        await websocket.accept()
        manager.add_connection("ann", websocket)
        self.look(manager, websocket, stage)
        await websocket.send_text("done")
        await websocket.wait_closed()

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        """Note what the manager says."""
        raise NotImplementedError

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive_text()


class AddTwice(_Books):
    """Adding the same socket again changes nothing."""

    clauses = ("6.1",)
    handler_sees = ("['ann']", "{'room'}")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        manager.join_room("ann", ROOM)
        manager.add_connection("ann", websocket)
        stage.note(repr(list(manager.connections)))
        stage.note(repr(manager.get_connection_rooms("ann")))


class RemoveManyTimes(_Books):
    """remove_connection can be called any number of times, for any id, and the socket stays open."""

    clauses = ("6.1",)
    handler_sees = ("[] []", "open")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        manager.join_room("ann", ROOM)
        for id in ("ann", "ann", "nobody", "ann"):
            manager.remove_connection(id)
        stage.note(f"{list(manager.connections)} {list(manager.rooms)}")
        stage.note("closed" if websocket.closed else "open")


class ImproperIds(_Books):
    """An id that is no str, or an empty one, is a ValueError."""

    clauses = ("6.1",)
    handler_sees = ("ValueError", "ValueError", "ValueError", "['ann']")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        improper: tuple[Any, ...] = ("", None, 7)
        for id in improper:
            stage.note(outcome_of(partial(manager.add_connection, id, websocket)))
        stage.note(repr(list(manager.connections)))


class JoinUnknownId(_Books):
    """An id that was never added, or was removed, joins nothing: LookupError."""

    clauses = ("6.2",)
    handler_sees = ("LookupError", "LookupError", "[]")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        stage.note(outcome_of(lambda: manager.join_room("nobody", ROOM)))
        manager.remove_connection("ann")
        stage.note(outcome_of(lambda: manager.join_room("ann", ROOM)))
        stage.note(repr(list(manager.rooms)))


class RoomNames(_Books):
    """A room's name is any str of 1 to 255 characters; anything else is a ValueError."""

    clauses = ("6.2",)
    handler_sees = ("joined",) * 4 + ("ValueError",) * 5 + ("4 rooms",)
    names: tuple[Any, ...] = (" ", "a/b #\n", "r" * 255, "名" * 255, "", "r" * 256, None, 7, b"bytes")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        for name in self.names:
            stage.note(outcome_of(partial(manager.join_room, "ann", name), "joined"))
        stage.note(f"{len(manager.rooms)} rooms")


class LeaveRoom(_Books):
    """Leaving twice, leaving what was never joined, and unknown ids are fine; an empty room is gone."""

    clauses = ("6.1", "6.2")
    handler_sees = ("['a', 'b']", "['b']", "[]", "[]")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        manager.join_room("ann", "a")
        manager.join_room("ann", "b")
        stage.note(repr(sorted(manager.rooms)))
        for id, room in (("ann", "a"), ("ann", "a"), ("ann", "nowhere"), ("nobody", "b")):
            manager.leave_room(id, room)
        stage.note(repr(sorted(manager.rooms)))
        manager.leave_room("ann", "b")
        stage.note(repr(sorted(manager.rooms)))
        stage.note(repr(sorted(manager.get_connection_rooms("ann"))))


class ManagerMappings(_Books):
    """connections and rooms are live mappings that only the manager changes."""

    clauses = ("2.manager",)
    handler_sees = (
        "['ann'], this socket",
        "{'room': {'ann'}}",
        "TypeError",
        "TypeError",
        "AttributeError",
        "[] {}",
    )

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        connections: Any = manager.connections
        rooms: Any = manager.rooms
        manager.join_room("ann", ROOM)
        stage.note(f"{list(connections)}, {'this' if connections['ann'] is websocket else 'another'} socket")
        stage.note(repr(rooms))
        stage.note(outcome_of(lambda: operator.setitem(connections, "bob", websocket)))
        stage.note(outcome_of(lambda: operator.delitem(rooms, ROOM)))
        stage.note(outcome_of(lambda: rooms[ROOM].add("bob")))
        manager.remove_connection("ann")
        stage.note(f"{list(connections)} {dict(rooms)}")


class ManagerAnswers(_Books):
    """get_room_connections and get_connection_rooms give copies, empty ones for what is unknown."""

    clauses = ("2.manager",)
    handler_sees = ("{'ann'} {'room'}", "{'ann'} {'room'}", "set() set()")

    def look(self, manager: WebSocketManager, websocket: WebSocket, stage: Stage) -> None:
        manager.join_room("ann", ROOM)
        for _ in range(2):
            members, rooms = manager.get_room_connections(ROOM), manager.get_connection_rooms("ann")
            stage.note(f"{members} {rooms}")
            members.clear()
            rooms.clear()
        stage.note(f"{manager.get_room_connections('nowhere')} {manager.get_connection_rooms('nobody')}")


def outcome_of(call: Callable[[], object], success: str = "done") -> str:
    """Say what came of a call."""
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return success
