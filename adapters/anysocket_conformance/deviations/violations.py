"""Of the cases in ``cases/violations.py``."""

from anysocket_conformance.deviations._row import Deviation

DEVIATIONS = (
    Deviation(
        ("hypercorn-http2",),
        (
            "invalid-utf8",
            "invalid-utf8-in-fragments",
            "unmasked-frame",
            "reserved-opcode",
            "reserved-control-opcode",
            "reserved-bits",
            "close-of-one-byte",
            "close-with-invalid-code",
            "close-with-reserved-code",
            "close-with-loss-code",
            "close-with-invalid-reason",
            "long-control-frame",
            "fragmented-control-frame",
            "continuation-of-nothing",
            "message-inside-message",
            "request-instead-of-frames",
            "length-with-its-highest-bit",
        ),
        "client: the connection stays open, text 'and on'",
        "WSStream._handle_events (hypercorn/protocol/ws_stream.py) tells the app and forgets the stream, "
        "but sends the peer neither a close frame nor END_STREAM",
        "hypercorn 0.18.0",
    ),
)
