"""Rooms: who is connected, who is where, and one message to many."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from weakref import WeakValueDictionary

from anysocket._websocket import WebSocket

MAX_ROOM_NAME = 255


class WebSocketManager:
    """Connections by id and rooms of them, in one process.

    A connection whose socket ends leaves every room by itself and is gone from ``connections``; an
    empty room is gone from ``rooms``. Everything but the broadcasts is immediate and never waits; all
    of it belongs to one event loop.
    """

    def __init__(self) -> None:
        self._connections: dict[str, WebSocket] = {}
        self._rooms: dict[str, set[str]] = {}
        self._joined: dict[str, set[str]] = {}
        self._on_end: dict[str, Callable[[WebSocket], None]] = {}
        # Who was here, as long as somebody holds the socket: tells an ended connection from a wrong id.
        self._known: WeakValueDictionary[str, WebSocket] = WeakValueDictionary()

    @property
    def connections(self) -> Mapping[str, WebSocket]:
        """The live connections by id. A live view: copy it before awaiting while iterating."""
        return MappingProxyType(self._connections)

    @property
    def rooms(self) -> Mapping[str, set[str]]:
        """The ids in each room. A live view: copy it before awaiting while iterating."""
        return MappingProxyType(self._rooms)

    def add_connection(self, id: str, websocket: WebSocket) -> None:
        """Know ``websocket`` as ``id``, any non-empty string. Adding the same socket again does nothing.

        ``ValueError`` if another live socket has this id; :class:`ConnectionClosed` if the socket has
        ended already.
        """
        if not isinstance(id, str) or not id:
            raise ValueError(f"a connection's id must be a non-empty str, not {id!r}")
        present = self._connections.get(id)
        if present is websocket:
            return
        if present is not None:
            raise ValueError(
                f"connection id {id!r} is taken by another live socket: remove_connection() it first, "
                "or use websocket.id, which is unique"
            )
        on_end = partial(self._forget, id)
        websocket._notify_end(on_end)
        self._on_end[id] = on_end
        self._connections[id] = websocket
        self._joined[id] = set()
        self._known[id] = websocket

    def remove_connection(self, id: str) -> None:
        """Forget the connection and take it out of every room. Its socket stays open. Any id will do."""
        websocket = self._connections.pop(id, None)
        if websocket is not None:
            websocket._notify_no_more(self._on_end.pop(id))
            for room in self._joined.pop(id):
                self._take_out(id, room)

    def _forget(self, id: str, _: WebSocket) -> None:
        self.remove_connection(id)

    def join_room(self, id: str, room: str) -> None:
        """Put the connection into a room, a name of 1 to 255 characters. Joining twice does nothing.

        ``LookupError`` for an id that was never added or was removed, ``ValueError`` for a bad name,
        :class:`ConnectionClosed` if the connection has ended meanwhile.
        """
        if not isinstance(room, str) or not 0 < len(room) <= MAX_ROOM_NAME:
            raise ValueError(f"a room's name must be a str of 1 to {MAX_ROOM_NAME} characters, not {room!r}")
        if id not in self._connections:
            known = self._known.get(id)
            if known is not None and known._closed is not None:
                raise known._closed.again()
            raise LookupError(f"no connection {id!r}: add_connection() it before it joins a room")
        self._joined[id].add(room)
        self._rooms.setdefault(room, set()).add(id)

    def leave_room(self, id: str, room: str) -> None:
        """Take the connection out of a room. Unknown ids and rooms are fine."""
        if room in self._joined.get(id, ()):
            self._joined[id].discard(room)
            self._take_out(id, room)

    def _take_out(self, id: str, room: str) -> None:
        members = self._rooms[room]
        members.discard(id)
        if not members:
            del self._rooms[room]

    def get_room_connections(self, room: str) -> set[str]:
        """The ids in a room, as a copy; empty for an unknown room."""
        return set(self._rooms.get(room, ()))

    def get_connection_rooms(self, id: str) -> set[str]:
        """The rooms of a connection, as a copy; empty for an unknown id."""
        return set(self._joined.get(id, ()))

    async def broadcast_to_room(self, room: str, message: str | bytes, *, exclude: Iterable[str] = ()) -> int:
        """Queue a message to everyone in a room but ``exclude`` (ids), in the order of the calls.

        Returns how many connections it was queued to; never waits for a slow one and never fails for a
        dead one. ``TypeError`` unless the message is str or bytes, ``ValueError`` for text with lone
        surrogates. Who joins meanwhile does not get it.
        """
        return self._broadcast(self._rooms.get(room, ()), message, exclude)

    async def broadcast_to_all(self, message: str | bytes, *, exclude: Iterable[str] = ()) -> int:
        """Queue a message to every connection but ``exclude``; as :meth:`broadcast_to_room`."""
        return self._broadcast(self._connections, message, exclude)

    async def send_to(self, id: str, message: str | bytes) -> bool:
        """Queue a message to one connection; False if there is none of this id."""
        return self._broadcast((id,) if id in self._connections else (), message, ()) == 1

    async def disconnect(self, id: str, code: int = 1000, reason: str = "") -> bool:
        """Close one connection; False if there is none of this id. Raises as ``websocket.close()``."""
        websocket = self._connections.get(id)
        if websocket is None:
            return False
        await websocket.close(code, reason)
        return True

    def _broadcast(self, ids: Collection[str], message: str | bytes, exclude: Iterable[str]) -> int:
        if not isinstance(message, str | bytes):
            raise TypeError(f"a message is str or bytes, not {type(message).__name__}")
        if isinstance(message, str) and not message.isascii():
            message.encode()  # What is no UTF-8 is the caller's error, once, and not each member's.
        excluded = {exclude} if isinstance(exclude, str) else set(exclude)
        connections = self._connections
        # A copy: a connection found dead on the way leaves the room at once.
        return sum(
            connections[id]._post(message) for id in tuple(ids) if id not in excluded and id in connections
        )
