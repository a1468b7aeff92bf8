"""Of the cases in ``testing/cases/backpressure.py``."""

from anysocket_conformance.deviations._row import Deviation

HYPERCORN = "hypercorn 0.18.0"
DEVIATIONS = (
    Deviation(
        ("daphne",),
        ("handler-that-never-reads",),
        "client: not held back",
        "WebSocketProtocol.onMessage (daphne/ws_protocol.py) puts each message into an asyncio.Queue "
        "without a bound, and Autobahn reads on",
        "daphne 4.2.3",
    ),
    Deviation(
        ("testclient",),
        ("handler-that-never-reads",),
        "client: not held back",
        "WebSocketTestSession._run (starlette/testclient.py) puts messages into "
        "`anyio.create_memory_object_stream(math.inf)`",
        "starlette 1.10.0",
    ),
    Deviation(
        ("daphne",),
        ("slow-peer-closes",),
        "client: never noticed; handler: the send waits, never told",
        "WebSocketProtocol.onCloseFrame (autobahn/websocket/protocol.py) answers the close and has TCP ended "
        "when the peer has read all, and Daphne tells the app by onClose, when TCP has ended",
        "daphne 4.2.3",
    ),
    Deviation(
        ("hypercorn", "hypercorn-tls"),
        ("slow-peer-closes",),
        "client: never noticed; handler: the send waits, never told",
        "WSStream._handle_events (hypercorn/protocol/ws_stream.py) answers the close before it tells the "
        "app, and that answer waits for TCPServer.send_lock, which the send that waits for the peer holds",
        HYPERCORN,
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("slow-peer-closes",),
        "client: never noticed; handler: the send waits, never told",
        "WebSocketCommonProtocol.read_data_frame (websockets/legacy/protocol.py) answers the close before it "
        "tells the app, and that answer waits until the peer has read what was sent before",
        "websockets 17.4",
    ),
)
