"""Of rooms."""

from __future__ import annotations

from anysocket_conformance.deviations._row import Deviation
from anysocket_conformance.deviations.closing import CODES, DAPHNE

DEVIATIONS: tuple[Deviation, ...] = (
    Deviation(
        ("daphne",),
        ("slow-member",),
        "client: ann gets all in order, slow: close 1000 ''",
        CODES,
        DAPHNE,
    ),
)
