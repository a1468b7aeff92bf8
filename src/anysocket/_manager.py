"""Rooms: who is connected, who is where, and one message to many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from types import MappingProxyType
from weakref import WeakValueDictionary

from anysocket._backlog import MAX_BYTES, MAX_MESSAGES
from anysocket._backplane import Backplane
from anysocket._broadcasts import Broadcasts
from anysocket._events import Events, TellsEvents
from anysocket._everywhere import AsksEverywhere
from anysocket._following import Followed
from anysocket._groups import Groups, Ids
from anysocket._here import Here
from anysocket._limits import Limits, bounded_rooms, gate_of_manager
from anysocket._link import ALONE, OnDown, open_link
from anysocket._observer import Observer, Observers
from anysocket._policy import OutboxPolicy, Policies
from anysocket._totals import ManagerStatistics, Totals
from anysocket._user import User
from anysocket._websocket import WebSocket

MAX_ROOM_NAME = 255


class WebSocketManager(Broadcasts, AsksEverywhere, TellsEvents):
    """Connections by id and rooms of them, in one process, or in several with a ``backplane``.

    A connection whose socket ends leaves every room by itself and is gone from ``connections``; an
    empty room is gone from ``rooms``. Everything but the broadcasts is immediate and never waits; all
    of it belongs to one event loop.

    What broadcasts leave to be sent to a connection is bounded by ``max_outbox_bytes`` and
    ``max_outbox_messages``, those of the last manager that added it. ``policy`` says what becomes of a
    message that does not fit there; a room and a broadcast may have another one.

    ``observers``: who is told of every broadcast, see :class:`Observer`.

    ``limits``: how many connections, rooms of each and members of each are too many, see :class:`Limits`.

    ``backplane``: what carries broadcasts to other processes, as a URL: ``"zenoh://"``, ``"redis://…"``,
    ``"nats://…"``, or a :class:`Backplane`. ``connections``, ``rooms`` and what ``get_…`` gives are those of
    this process. ``on_down``: while it is down local members are served, and then :class:`BackplaneError` is
    raised, or not (``"local"``).
    """

    def __init__(
        self,
        *,
        max_outbox_bytes: int = MAX_BYTES,
        max_outbox_messages: int = MAX_MESSAGES,
        policy: OutboxPolicy = "disconnect",
        observers: Iterable[Observer] = (),
        limits: Limits | None = None,
        backplane: str | Backplane = ALONE,
        on_down: OnDown = "raise",
    ) -> None:
        self.max_outbox_bytes = _check_bound("max_outbox_bytes", max_outbox_bytes)
        self.max_outbox_messages = _check_bound("max_outbox_messages", max_outbox_messages)
        self._policies = Policies(policy)
        self._connections: dict[str, WebSocket] = {}
        self._gate = gate_of_manager(limits)
        self._rooms = bounded_rooms(self._gate.limits)
        self._users: Groups[WebSocket] = Groups()
        self._events = Events()
        self._on_end: dict[str, Callable[[WebSocket], None]] = {}
        # Who was here, as long as somebody holds the socket: tells an ended connection from a wrong id.
        self._known: WeakValueDictionary[str, WebSocket] = WeakValueDictionary()
        self._totals = Totals()
        self._observers = Observers(observers)
        self._here = Here(self)
        self._link = open_link(backplane, self._here, on_down)
        self._observers.made(self)

    # -- connections --

    @property
    def connections(self) -> Mapping[str, WebSocket]:
        """The live connections by id. A live view: copy it before awaiting while iterating."""
        return MappingProxyType(self._connections)

    def add_connection(self, id: str, websocket: WebSocket, *, user: str | None = None) -> None:
        """Know ``websocket`` as ``id``, any non-empty string, and as one of ``user``'s devices.

        Adding the same socket again does nothing. ``ValueError`` if another live socket has this id, or this
        one has another user; :class:`ConnectionClosed` if the socket has ended already;
        :class:`LimitExceeded` if it is one too many.
        """
        if not isinstance(id, str) or not id:
            raise ValueError(f"a connection's id must be a non-empty str, not {id!r}")
        if user is not None and (not isinstance(user, str) or not user):
            raise ValueError(f"a user must be a non-empty str, not {user!r}")
        present = self._connections.get(id)
        if present is websocket:
            if user is not None and user not in self._users.names.get(id, ()):
                raise ValueError(
                    f"connection {id!r} is there without user={user!r}: remove_connection() it first"
                )
            return
        if present is not None:
            raise ValueError(
                f"connection id {id!r} is taken by another live socket: remove_connection() it first, "
                "or use websocket.id, which is unique"
            )
        self._gate.check(websocket)
        on_end = partial(self._forget, id)
        websocket._notify_end(on_end)
        self._gate.enter(id, websocket)
        backlog = websocket._outbox.backlog
        backlog.max_bytes, backlog.max_messages = self.max_outbox_bytes, self.max_outbox_messages
        self._on_end[id] = on_end
        self._connections[id] = websocket
        self._known[id] = websocket
        self._totals.joined(websocket)
        if user is not None:
            self._users.join(id, user, websocket)
        self._events.tell(self._events.connect, id)

    def remove_connection(self, id: str) -> None:
        """Forget the connection and take it out of every room. Its socket stays open. Any id will do."""
        websocket = self._connections.pop(id, None)
        if websocket is not None:
            websocket._notify_no_more(self._on_end.pop(id))
            websocket._outbox.wake_for_room()
            self._gate.leave(id)
            self._totals.left(websocket)
            for room in self.get_connection_rooms(id):
                self.leave_room(id, room)
            for user in tuple(self._users.names.get(id, ())):
                self._users.leave(id, user)
            self._events.tell(self._events.disconnect, id)

    def _forget(self, id: str, _: WebSocket) -> None:
        self.remove_connection(id)

    def user(self, name: str) -> User:
        """All connections that were added with ``user=name``, to send to and to close at once."""
        return User(self, name)

    # -- rooms --

    @property
    def rooms(self) -> Mapping[str, Set[str]]:
        """The ids in each room, in the order of joining. A live view: copy it, and what it gives, before
        awaiting while iterating."""
        return Ids(self._rooms.members)

    def join_room(self, id: str, room: str) -> Followed:
        """Put the connection into a room, a name of 1 to 255 characters. Joining twice does nothing.

        It is there at once. What it returns may be awaited: until broadcasts of other processes reach it.

        ``LookupError`` for an id that was never added or was removed, ``ValueError`` for a bad name,
        :class:`ConnectionClosed` if the connection has ended meanwhile, :class:`LimitExceeded` if the room is
        full or the connection is in too many.
        """
        _check_room(room)
        websocket = self._connections.get(id)
        if websocket is None:
            known = self._known.get(id)
            if known is not None and known._closed is not None:
                raise known._closed.again()
            raise LookupError(f"no connection {id!r}: add_connection() it before it joins a room")
        has_joined = self._rooms.join(id, room, websocket)
        followed = self._link.follow(room)
        if has_joined:
            self._events.tell(self._events.join, id, room)
        return followed

    def leave_room(self, id: str, room: str) -> None:
        """Take the connection out of a room. Unknown ids and rooms are fine."""
        if self._rooms.leave(id, room):
            if room not in self._rooms.members:
                self._link.unfollow(room)
            if id in self._connections:
                self._connections[id]._outbox.wake_for_room()
            self._events.tell(self._events.leave, id, room)

    def get_room_connections(self, room: str) -> set[str]:
        """The ids in a room, as a copy; empty for an unknown room."""
        return set(self._rooms.members.get(room, ()))

    def get_connection_rooms(self, id: str) -> set[str]:
        """The rooms of a connection, as a copy; empty for an unknown id."""
        return set(self._rooms.names.get(id, ()))

    def set_room_policy(self, room: str, policy: OutboxPolicy | None) -> None:
        """Give a room a policy of its own, or all rooms whose names begin alike: ``"prices/*"``.

        It needs no members and stays when they have left, until it is set to None: for rooms that come and go
        say it once for all of them, by the beginning of their names. A room's own policy comes before that
        of a beginning, and a longer beginning before a shorter one.
        """
        _check_room(room)
        self._policies.set(room, policy)

    def stats(self) -> ManagerStatistics:
        """Connections, rooms with their sizes, and what was carried, by connections that have ended as well.

        :func:`dataclasses.asdict` makes it ready for JSON. Takes time for each connection: call it when
        somebody wants to know.
        """
        return self._totals.statistics(self._connections.values(), self._rooms.members)


def _check_room(room: str) -> None:
    if not isinstance(room, str) or not 0 < len(room) <= MAX_ROOM_NAME:
        raise ValueError(f"a room's name must be a str of 1 to {MAX_ROOM_NAME} characters, not {room!r}")


def _check_bound(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive int, not {value!r}")
    return value
