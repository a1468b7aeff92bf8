"""Of rooms."""

from __future__ import annotations

from anysocket_conformance.deviations._row import Deviation

DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        ("hypercorn-http2",),
        ("slow-member",),
        "client: ann gets all in order, slow: text 'that was all'; handler: ['ann', 'slow']",
        "Over HTTP/2 a send never waits, and what the peer does not read piles up in the server: "
        "hypercorn/protocol/h2.py, StreamBuffer.pop, ends the sender's pause when little was popped "
        "(`len(data)`, 0 while the peer's window is shut), not when little is left (`len(self.buffer)`).",
        "hypercorn 0.18.0",
    ),
)
