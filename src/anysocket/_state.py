"""The life of a WebSocket as a table: which event is possible in which state, and where it leads.

The rules of the machine:

* the peer's handshake waits in CONNECTING until we accept or deny it (RFC 6455 section 4.2.2);
* ACCEPTING lasts while the server writes the 101 response: nothing may be sent yet, and a second
  accept is misuse (on raw RSGI it would end the server process);
* a close frame of ours leads to CLOSING: sending is over, the peer's own close is still due
  (RFC 6455 section 7.1.2), and what it sends until then is dropped;
* a close frame of the peer, or the loss of the connection, ends everything at once: the server
  answers the close by itself (RFC 6455 section 5.5.1);
* what may be sent and received follows from the state: messages go out in OPEN only, and come in from
  OPEN on until the end has been read;
* an event missing from a state's row is a misuse of the API, never something a peer can cause.
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    CONNECTING = "connecting"
    ACCEPTING = "accepting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    DENIED = "denied"


class Event(enum.Enum):
    ACCEPT = "accept()"
    ACCEPTED = "the 101 response"
    DENY = "deny()"
    CLOSE = "close()"
    PEER_CLOSED = "the peer's close frame"
    LOST = "the loss of the connection"


TRANSITIONS: dict[State, dict[Event, State]] = {
    State.CONNECTING: {
        Event.ACCEPT: State.ACCEPTING,
        Event.DENY: State.DENIED,
        Event.CLOSE: State.DENIED,
        Event.LOST: State.CLOSED,
    },
    State.ACCEPTING: {
        Event.ACCEPTED: State.OPEN,
        Event.LOST: State.CLOSED,
    },
    State.OPEN: {
        Event.CLOSE: State.CLOSING,
        Event.PEER_CLOSED: State.CLOSED,
        Event.LOST: State.CLOSED,
    },
    State.CLOSING: {
        Event.CLOSE: State.CLOSING,
        Event.PEER_CLOSED: State.CLOSED,
        Event.LOST: State.CLOSED,
    },
    State.CLOSED: {
        Event.CLOSE: State.CLOSED,
        Event.PEER_CLOSED: State.CLOSED,
        Event.LOST: State.CLOSED,
    },
    State.DENIED: {
        Event.CLOSE: State.DENIED,
        Event.PEER_CLOSED: State.DENIED,
        Event.LOST: State.DENIED,
    },
}
