"""Of the cases in ``cases/shutdown.py``."""

from anysocket_conformance.deviations._row import Deviation
from anysocket_conformance.deviations.closing import CODES, DAPHNE

DEVIATIONS = (
    Deviation(
        ("daphne",),
        ("close-at-sigterm", "close-at-sigint"),
        "client: text 'in', close 1000 '', the process ends",
        CODES,
        DAPHNE,
    ),
    Deviation(("daphne",), ("messages-before-the-end",), "client: in order, close 1000 ''", CODES, DAPHNE),
)
