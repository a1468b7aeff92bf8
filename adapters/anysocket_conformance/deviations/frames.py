"""Of the cases in ``cases/frames.py``."""

from anysocket_conformance.deviations._row import Deviation

PICOWS = ("uvicorn-picows-uvloop", "uvicorn-picows-tls")
UVICORN = (
    "uvicorn-sansio",
    "uvicorn-wsproto",
    "uvicorn-legacy",
    "uvicorn-picows",
    "uvicorn-sansio-uvloop",
    *PICOWS,
)

DEVIATIONS = (
    Deviation(
        UVICORN,
        ("frame-behind-the-handshake",),
        "client: nothing; handler: nothing",
        "handle_websocket_upgrade (uvicorn/protocols/http/httptools_impl.py) hands on the request, not "
        "what was read behind it. RFC 6455 section 4.1 tells clients to wait for the answer",
        "uvicorn 0.54.0",
    ),
    Deviation(
        ("daphne",),
        ("frame-behind-the-handshake",),
        "client: nothing; handler: nothing",
        "WebRequest.process (daphne/http_protocol.py) hands on the request, not what was read behind it. "
        "RFC 6455 section 4.1 tells clients to wait for the answer",
        "daphne 4.2.3",
    ),
    Deviation(
        ("hypercorn", "hypercorn-tls"),
        ("frame-behind-the-handshake",),
        "client: refused 400; handler: nothing",
        "WSStream.handle (hypercorn/protocol/ws_stream.py) answers what comes before the app accepts with "
        "400. RFC 6455 section 4.1 tells clients to wait for the answer",
        "hypercorn 0.18.0",
    ),
    Deviation(
        ("uvicorn-sansio", "uvicorn-sansio-uvloop"),
        ("close-between-fragments",),
        "handler: close 1002 'incomplete fragmented message', closed 1002 'incomplete fragmented message' "
        "by peer",
        "Protocol.recv_frame (websockets/protocol.py) takes a close frame inside a fragmented message for "
        "an error of the protocol, though RFC 6455 section 5.4 allows control frames there",
        "websockets 17.4",
    ),
    Deviation(
        ("daphne",),
        ("raise-ends-tcp",),
        "client: text 'done', close 1000 '', the connection ends",
        "Autobahn's sendClose, which Daphne calls, takes 1000 and 3000 to 4999 only: daphne issue 374, "
        "autobahn-python issue 1642",
        "daphne 4.2.3",
    ),
    Deviation(
        ("hypercorn-http2",),
        ("close-of-the-peer-ends-tcp",),
        "client: close, the connection stays open; handler: close 1005 '', closed 1005 by peer",
        "WSStream._handle_events (hypercorn/protocol/ws_stream.py) answers the close and forgets the "
        "stream without END_STREAM, so that it stays open until the client ends it",
        "hypercorn 0.18.0",
    ),
)
