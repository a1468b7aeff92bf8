"""Why a server lacks a capability, as data for the notes of the matrix."""

from __future__ import annotations

from anysocket import Capability

_RSGI = {
    Capability.SUBPROTOCOL: "RSGI 1.6: `accept()` takes no argument",
    Capability.ACCEPT_HEADERS: "RSGI 1.6: `accept()` takes no argument",
    Capability.DENIAL_BODY: "RSGI 1.6: `close(status)` before `accept()` carries the status alone",
    Capability.CLOSE_CODE: "RSGI 1.6: `close()` after `accept()` sends an empty close frame always",
    Capability.CLOSE_REASON: "RSGI 1.6: `close()` takes no reason",
    Capability.PEER_CLOSE_CODE: "RSGI 1.6: the message of kind 0 has no data",
    Capability.PEER_CLOSE_REASON: "RSGI 1.6: the message of kind 0 has no data",
    Capability.PING: "Granian sends no pings (emmett-framework/granian#613)",
}
_SANSIO = {Capability.LOST_IS_1006: "reports a lost connection as a close with code 1005"}
REASONS: dict[str, dict[Capability, str]] = {
    "granian-rsgi": _RSGI,
    "granian-rsgi-mt": _RSGI,
    "granian-asgi": {
        Capability.ACCEPT_HEADERS: "Granian drops the headers of `websocket.accept`",
        Capability.PEER_CLOSE_REASON: "Granian's `websocket.disconnect` has no reason",
        Capability.LOST_IS_1006: "Granian reports a lost connection as a close with code 1005",
        Capability.PING: _RSGI[Capability.PING],
    },
    "uvicorn-sansio": _SANSIO,
    "uvicorn-wsproto": _SANSIO,
    "uvicorn-legacy": {},
    "uvicorn-picows": {},
    "hypercorn": {
        Capability.PEER_CLOSE_CODE: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        Capability.PEER_CLOSE_REASON: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        Capability.LOST_IS_1006: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        Capability.PING: "off unless `websocket_ping_interval` is set",
    },
    "daphne": {
        Capability.ACCEPT_HEADERS: "Daphne drops the headers of `websocket.accept`",
        Capability.DENIAL_BODY: "Daphne has no `websocket.http.response` extension",
        Capability.CLOSE_REASON: "Daphne never sends a reason",
        Capability.PEER_CLOSE_REASON: "Daphne's `websocket.disconnect` has no reason",
    },
    "testclient": {
        Capability.BACKPRESSURE: "an unbounded queue is between app and test",
        Capability.PING: "there are no frames",
    },
    "memory": {Capability.PING: "there are no frames"},
}
"""By the server's name. A test compares the rows with the capabilities that the adapters declare."""
