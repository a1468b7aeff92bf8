"""Of messages: those that a server drops, and peers that read too slowly."""

from anysocket_conformance.deviations._row import Deviation

DAPHNE = "daphne 4.2.3"
EMPTY = "Daphne drops what is empty (daphne/server.py, handle_reply)"
UNBOUNDED = "Hypercorn over HTTP/2 buffers what the flow control window has no room for, without a bound"

DEVIATIONS = (
    Deviation(("daphne",), ("empty-text",), "client: nothing, text 'and on'", EMPTY, DAPHNE),
    Deviation(("daphne",), ("empty-bytes",), "client: nothing, bytes b'and on'", EMPTY, DAPHNE),
    Deviation(
        ("daphne",),
        ("handler-that-never-reads",),
        "client: not held back",
        "Daphne reads on, however much the app leaves unread",
        DAPHNE,
    ),
    Deviation(
        ("testclient",),
        ("handler-that-never-reads",),
        "client: not held back",
        "TestClient's queue to the app has no bound",
        "starlette 1.10.0",
    ),
    Deviation(
        ("hypercorn", "hypercorn-tls"),
        ("slow-peer-closes",),
        "client: never noticed; handler: the send waits, never told",
        "Hypercorn reads no further while it waits for the socket to take what it sends",
        "hypercorn 0.18.0",
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("slow-peer-closes",),
        "client: never noticed; handler: the send waits, never told",
        "the legacy implementation answers a close behind what waits to be sent",
        "uvicorn 0.54.0",
    ),
    Deviation(
        ("hypercorn-http2",),
        ("send-to-slow-peer",),
        "handler: the sends do not wait, all sent",
        UNBOUNDED,
        "hypercorn 0.18.0",
    ),
    Deviation(
        ("hypercorn-http2",),
        ("slow-peer-is-reset", "slow-peer-hangs-up", "slow-peer-closes"),
        "client: nothing; handler: the sends do not wait",
        UNBOUNDED,
        "hypercorn 0.18.0",
    ),
)
