"""Of the cases in ``cases/start.py``."""

from anysocket_conformance.deviations._row import Deviation

WHY = (
    "Daphne does not run the lifespan protocol (no line of daphne/*.py names it): the first connection "
    "enters the lifespan and finds out what is missing"
)

DEVIATIONS = (
    Deviation(("daphne",), ("failing-start",), "client: refused 500", WHY, "daphne 4.2.3"),
    Deviation(("daphne",), ("requires-accept-headers",), "client: refused 403", WHY, "daphne 4.2.3"),
)
