"""Why a server lacks a capability, as data for the notes of the matrix."""

from __future__ import annotations

from anysocket import Capability as C

_RSGI = {
    C.SUBPROTOCOL: "RSGI 1.6: `accept()` takes no argument",
    C.ACCEPT_HEADERS: "RSGI 1.6: `accept()` takes no argument",
    C.DENIAL_BODY: "RSGI 1.6: `close(status)` before `accept()` carries the status alone",
    C.CLOSE_CODE: "RSGI 1.6: `close()` after `accept()` sends an empty close frame whatever it is given",
    C.CLOSE_REASON: "RSGI 1.6: `close()` takes no reason",
    C.PEER_CLOSE_CODE: "RSGI 1.6: the message of kind 0 has no data",
    C.PEER_CLOSE_REASON: "RSGI 1.6: the message of kind 0 has no data",
    C.PING: "Granian sends no pings (emmett-framework/granian#613)",
}
_SANSIO = {C.LOST_IS_1006: "reports a lost connection as a close with code 1005"}
REASONS: dict[str, dict[C, str]] = {
    "granian-rsgi": _RSGI,
    "granian-rsgi-mt": _RSGI,
    "granian-asgi": {
        C.ACCEPT_HEADERS: "Granian drops the headers of `websocket.accept`",
        C.PEER_CLOSE_REASON: "Granian's `websocket.disconnect` has no reason",
        C.LOST_IS_1006: "Granian reports a lost connection as a close with code 1005",
        C.PING: _RSGI[C.PING],
    },
    "uvicorn-sansio": _SANSIO,
    "uvicorn-wsproto": _SANSIO,
    "uvicorn-legacy": {},
    "hypercorn": {
        C.PEER_CLOSE_CODE: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        C.PEER_CLOSE_REASON: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        C.LOST_IS_1006: "Hypercorn reports every end as 1006 (pgjones/hypercorn#127)",
        C.PING: "off unless `websocket_ping_interval` is set",
    },
    "daphne": {
        C.ACCEPT_HEADERS: "Daphne drops the headers of `websocket.accept`",
        C.DENIAL_BODY: "Daphne has no `websocket.http.response` extension",
        C.CLOSE_REASON: "Daphne never sends a reason",
        C.PEER_CLOSE_REASON: "Daphne's `websocket.disconnect` has no reason",
        C.BACKPRESSURE: "Daphne's `send` returns at once, whatever waits unsent",
    },
    "testclient": {
        C.BACKPRESSURE: "an unbounded queue is between app and test",
        C.PING: "there are no frames",
    },
    "memory": {C.PING: "there are no frames"},
}
"""By the server's name. A test compares the rows with the capabilities that the adapters declare."""
