"""Of the cases in ``testing/cases/backpressure.py``."""

from anysocket_conformance.deviations._row import Deviation

HYPERCORN = "hypercorn 0.18.0"
NO_PAUSE = (
    "Over HTTP/2 a send never waits: StreamBuffer.pop (hypercorn/protocol/h2.py) ends the sender's pause "
    "when little was popped (`len(data)`, 0 while the peer's window is shut), not when little is left "
    "(`len(self.buffer)`)"
)

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
        ("hypercorn-http2",),
        ("send-to-slow-peer",),
        "handler: the sends do not wait, all sent",
        NO_PAUSE,
        HYPERCORN,
    ),
    Deviation(
        ("hypercorn-http2",),
        ("slow-peer-is-reset", "slow-peer-hangs-up", "slow-peer-closes"),
        "client: nothing; handler: the sends do not wait",
        NO_PAUSE,
        HYPERCORN,
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
