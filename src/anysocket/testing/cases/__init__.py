"""The contract's cases that need no more than a client: see ``CASES``."""

from anysocket.testing._case import Case, subclasses
from anysocket.testing.cases import (
    backpressure,
    broadcasts,
    cancellation,
    changes,
    closed_by_peer,
    closing,
    errors,
    lost,
    members,
    messages,
    misuse,
    order,
    rooms,
    routes,
)

MODULES = (
    messages,
    closing,
    closed_by_peer,
    lost,
    misuse,
    order,
    cancellation,
    backpressure,
    errors,
    routes,
    rooms,
    members,
    broadcasts,
    changes,
)

CASES: tuple[Case, ...] = tuple(
    case for case in subclasses(Case) if type(case).__module__ in {module.__name__ for module in MODULES}
)
"""All of them, in the order of the matrix."""
