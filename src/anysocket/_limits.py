"""Limits on connections, rooms, messages and time, and who counts what."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from anysocket._errors import LimitExceeded
from anysocket._groups import Bound, Groups

if TYPE_CHECKING:
    from anysocket._websocket import WebSocket

ACCEPT_TIMEOUT = 10.0
"""Seconds that a handler has to answer a handshake, where no limit says otherwise."""

IPV6_NETWORK = 64
"""Bits of an IPv6 address that tell one peer from another: a customer, or a machine, has all below them."""

NUMBERS = ("connections", "connections_per_address", "connections_per_room", "rooms_per_connection")
PACES = ("messages_per_second", "message_burst", "accept_timeout", "idle_timeout")
OF_ROOMS = ("connections_per_room", "rooms_per_connection")

SHORT_OF_ROOM = {"connections", "connections_per_room", "accept_timeout"}
"""The limits that are no fault of the peer: what is refused for them is told 503, else 429."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too much, for :class:`App`, for one of its routes (``@app.websocket(…, limits=…)``), or, where
    it is about rooms, for :class:`WebSocketManager`. None: no limit is set here.

    Every process counts for itself. A connection counts from its handshake until its handler has ended, for
    its route and for the app. What belongs to one connection (messages and timeouts) is the route's where
    the route says it, else the app's; ``math.inf`` on a route means none there.

    Before ``accept()`` it is refused with 503 where the server has no more room (``connections``,
    ``connections_per_room``, ``accept_timeout``), else with 429; afterwards it is closed with 1008. The
    response's body and the close frame's reason are the limit's name.

    Raises ``ValueError`` for what is no positive number, and for a burst without a rate.
    """

    connections: int | None = None
    """How many there may be in all: in a manager, on a route, in an app."""
    connections_per_address: int | None = None
    """How many of one client: of an IPv4 address, or of the 64 bits of an IPv6 network. Behind a proxy see
    :class:`TrustedProxies`, else every client has the proxy's address."""
    connections_per_room: int | None = None
    """How many a room may have. ``join_room`` raises :class:`LimitExceeded` for the next."""
    rooms_per_connection: int | None = None
    """How many rooms a connection may be in. ``join_room`` raises :class:`LimitExceeded` for the next."""
    messages_per_second: float | None = None
    """How many messages of one connection are taken, on the long run. Time in which the handler does not read
    and the peer is held back counts for the peer."""
    message_burst: int | None = None
    """How many of them may come at once; one second's if it is not given."""
    accept_timeout: float | None = None
    """Seconds until a handler must have answered the handshake, else the peer is refused and the handler
    cancelled; 10 where nothing is set."""
    idle_timeout: float | None = None
    """Seconds without a message of the peer after which it is closed. Pings are no messages."""

    def __post_init__(self) -> None:
        for name in (*NUMBERS, "message_burst"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a positive int, or None for no limit, not {value!r}")
        for name in ("messages_per_second", "accept_timeout", "idle_timeout"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | float) or not value > 0):
                raise ValueError(
                    f"{name} must be a positive number, or None where none is set, not {value!r}"
                )
        if self.message_burst is not None and self.messages_per_second is None:
            raise ValueError(
                f"message_burst={self.message_burst} needs messages_per_second, which fills it up"
            )

    def check_place(self, place: str, elsewhere: tuple[str, ...], remedy: str) -> None:
        """Raise ``ValueError`` for a limit that would do nothing in this place."""
        for name in elsewhere:
            if getattr(self, name) is not None:
                raise ValueError(f"{place} cannot keep the limit {name}: say it to {remedy}")

    def bound(self, name: str) -> Bound | None:
        """A limit with its name, or None where it is not set."""
        value = getattr(self, name)
        return None if value is None else (name, value)

    def within(self, outer: Limits) -> Limits:
        """These, with what they do not say about a single connection taken from ``outer``."""
        names = {field.name for field in fields(self)} & set(PACES)
        if self.messages_per_second is not None:
            names.discard("message_burst")
        unsaid = {name: getattr(outer, name) for name in names if getattr(self, name) is None}
        return replace(self, **unsaid)


NO_LIMITS = Limits()


class Gate:
    """Counts the connections that are inside, by what ``limits`` says of them, and within an outer gate.

    Whoever enters leaves again, whatever happens. Nothing is counted where there is no limit on it.
    """

    __slots__ = ("_counts", "_inside", "_outer", "limits")

    def __init__(self, limits: Limits, outer: Gate | None = None) -> None:
        self.limits: Limits = limits if outer is None else limits.within(outer.limits)
        self._outer = outer
        self._counts = not (limits.connections is None and limits.connections_per_address is None)
        self._inside: Groups[WebSocket] = Groups(members=limits.bound("connections_per_address"))

    def check(self, websocket: WebSocket) -> None:
        """Raise :class:`LimitExceeded` if there is no place for one more, of this client."""
        if self._outer is not None:
            self._outer.check(websocket)
        if self._counts:
            most = self.limits.connections
            if most is not None and len(self._inside.names) >= most:
                raise LimitExceeded("connections", most)
            self._inside.check("", peer_network(websocket))

    def enter(self, id: str, websocket: WebSocket) -> None:
        """Count it, or raise :class:`LimitExceeded`."""
        self.check(websocket)
        gate: Gate | None = self
        while gate is not None:
            if gate._counts:
                gate._inside.join(id, peer_network(websocket), websocket)
            gate = gate._outer

    def leave(self, id: str) -> None:
        """Count it no more."""
        for network in tuple(self._inside.names.get(id, ())):
            self._inside.leave(id, network)
        if self._outer is not None:
            self._outer.leave(id)


def gate_of_app(limits: Limits | None, outer: Gate | None = None) -> Gate:
    """What counts the connections of an app, or of a route in it. ``ValueError`` for limits on rooms."""
    limits = limits or NO_LIMITS
    limits.check_place("an app or a route", OF_ROOMS, "WebSocketManager(limits=Limits(…))")
    return Gate(limits, outer)


def gate_of_manager(limits: Limits | None) -> Gate:
    """What counts a manager's connections. ``ValueError`` for limits on what a manager does not see."""
    limits = limits or NO_LIMITS
    limits.check_place("a manager", PACES, "App(limits=Limits(…)) or @app.websocket(…, limits=Limits(…))")
    return Gate(limits)


def bounded_rooms(limits: Limits) -> Groups[WebSocket]:
    """Rooms that are never larger, nor more for one connection, than the limits say."""
    return Groups(members=limits.bound("connections_per_room"), names=limits.bound("rooms_per_connection"))


def peer_network(websocket: WebSocket) -> str:
    """What a peer is counted by; ``""`` for all peers over unix sockets together."""
    host = websocket.client.host if websocket.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> IPV6_NETWORK << IPV6_NETWORK, IPV6_NETWORK)))


def refusal_status(limit: str) -> int:
    """The HTTP status that refuses a handshake (RFC 9110 section 15.6.4, RFC 6585 section 4)."""
    return 503 if limit in SHORT_OF_ROOM else 429
