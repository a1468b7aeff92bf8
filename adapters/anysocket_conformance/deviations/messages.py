"""Of messages that a server drops."""

from anysocket_conformance.deviations._row import Deviation

DAPHNE = "daphne 4.2.3"
EMPTY = "Daphne drops what is empty (daphne/server.py, handle_reply)"

DEVIATIONS = (
    Deviation(("daphne",), ("empty-text",), "client: nothing, text 'and on'", EMPTY, DAPHNE),
    Deviation(("daphne",), ("empty-bytes",), "client: nothing, bytes b'and on'", EMPTY, DAPHNE),
)
