"""What a server can do, as flags a program can ask for."""

from __future__ import annotations

import enum


class Capability(enum.Flag):
    """What the server under a connection can carry. ``websocket.capabilities`` tells; ``App(requires=…)``
    insists on some at start-up; ``compat_matrix.md`` lists them by server.

    Asking for what is missing: a close code or reason is dropped with one debug line; a subprotocol or
    accept headers raise :class:`~anysocket.UnsupportedByTransport`.
    """

    SUBPROTOCOL = enum.auto()
    """``accept(subprotocol=…)`` reaches the peer (RFC 6455 section 4.2.2)."""
    ACCEPT_HEADERS = enum.auto()
    """``accept(headers=…)`` reach the peer."""
    DENIAL_BODY = enum.auto()
    """``deny()`` carries any status, headers and a body; without it at most the status."""
    CLOSE_CODE = enum.auto()
    """The code given to ``close()`` reaches the peer (RFC 6455 section 7.1.5)."""
    CLOSE_REASON = enum.auto()
    """The reason given to ``close()`` reaches the peer (RFC 6455 section 7.1.6)."""
    PEER_CLOSE_CODE = enum.auto()
    """The code of the peer's close frame is told; without it a close reads 1005."""
    PEER_CLOSE_REASON = enum.auto()
    """The reason of the peer's close frame is told."""
    LOST_IS_1006 = enum.auto()
    """A connection that ended with no close frame is told from one that was closed without a code;
    without it a lost peer looks like a close with code 1005."""
    BACKPRESSURE = enum.auto()
    """``await send…()`` waits while the peer reads too slowly."""
    PING = enum.auto()
    """The server itself pings idle peers and drops silent ones (RFC 6455 section 5.5.2)."""
