"""Of how the handshake request reads."""

from anysocket_conformance.deviations._row import Deviation

RSGI = (
    "granian-rsgi",
    "granian-rsgi-mt",
    "granian-rsgi-uvloop",
    "granian-rsgi-rloop",
    "granian-rsgi-2-workers",
    "granian-rsgi-tls",
    "granian-rsgi-unix",
)
HYPERCORN = ("hypercorn", "hypercorn-tls", "hypercorn-http2")
GRANIAN = "granian 2.8.7"
DAPHNE = "daphne 4.2.3"
GROUPED = "Granian keeps headers in hyper's HeaderMap and hands them over grouped by name"
JOINED = "Daphne joins headers of one name with a comma (daphne/ws_protocol.py, onConnect)"
LAST_LINE = (
    "Hypercorn knows the offers of the last header line alone, and cuts the connection where another one is "
    "chosen (hypercorn/protocol/ws_stream.py, Handshake)"
)

DEVIATIONS = (
    Deviation(RSGI, ("raw-path",), "handler: None", "RSGI 1.6 gives the path decoded, no raw one", GRANIAN),
    Deviation(
        (*RSGI, "granian-asgi"),
        ("header-order",),
        "handler: [(b'x-many', b'one'), (b'x-many', b'two'), (b'x-other', b'between')]",
        GROUPED,
        GRANIAN,
    ),
    Deviation(
        RSGI,
        ("non-ascii-header",),
        "handler: [(b'x-next', b'there')]",
        "RSGI 1.6 gives header values as text, and leaves out those that are not ASCII",
        GRANIAN,
    ),
    Deviation(
        ("testclient",),
        ("non-ascii-header",),
        "handler: [(b'x-name', b'J\\xc3\\xbcrgen'), (b'x-next', b'there')]",
        "TestClient encodes header values as UTF-8, not as latin-1 (starlette/testclient.py, handle_request)",
        "starlette 1.10.0",
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("non-ascii-header",),
        "client: refused 500; handler: nothing",
        "websockets' legacy parser gives such bytes as surrogates (legacy/http.py, read_headers); uvicorn "
        "takes them for latin-1 and fails (websockets_impl.py, process_request)",
        "uvicorn 0.54.0",
    ),
    Deviation(
        HYPERCORN,
        ("offers-in-two-lines",),
        "client: agreed on None, text 'and on'; handler: ValueError",
        LAST_LINE,
        "hypercorn 0.18.0",
    ),
    Deviation(
        HYPERCORN, ("subprotocols-in-two-lines",), "handler: ('three',)", LAST_LINE, "hypercorn 0.18.0"
    ),
    Deviation(("daphne",), ("repeated-header",), "handler: [(b'x-many', b'two,one')]", JOINED, DAPHNE),
    Deviation(
        ("daphne",),
        ("header-order",),
        "handler: [(b'x-many', b'one,two'), (b'x-other', b'between')]",
        JOINED,
        DAPHNE,
    ),
    Deviation(
        ("daphne",),
        ("repeated-header-lookup",),
        "handler: 'one,two' ['one,two'], b'one,two' [b'one,two']",
        JOINED,
        DAPHNE,
    ),
    Deviation(
        ("daphne",),
        ("cookies-in-two-headers",),
        "handler: [('one', '1'), ('two', '2,three=3')]",
        JOINED,
        DAPHNE,
    ),
    Deviation(
        ("daphne",),
        ("similar-origin",),
        "client: refused 403, refused 403, refused 403, refused 400, refused 403",
        "Daphne itself refuses an Origin that is no URL",
        DAPHNE,
    ),
    Deviation(
        ("daphne",),
        ("origin-that-is-none",),
        "client: refused 400, refused 400, refused 400, refused 400",
        "Daphne itself refuses an Origin that is no URL",
        DAPHNE,
    ),
)
