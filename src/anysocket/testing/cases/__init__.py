"""The contract's cases that need no more than a client: see ``CASES``."""

from anysocket.testing._case import Case, subclasses
from anysocket.testing.cases import (
    backpressure,
    broadcasts,
    cancellation,
    changes,
    closed_by_peer,
    closing,
    devices,
    errors,
    handshake,
    headers,
    illegal_refusals,
    lost,
    members,
    messages,
    misuse,
    order,
    origin,
    outboxes,
    outcomes,
    paths,
    refusals,
    rooms,
    routes,
    scope,
    subprotocols,
)

MODULES = (
    handshake,
    refusals,
    illegal_refusals,
    subprotocols,
    origin,
    scope,
    paths,
    headers,
    routes,
    messages,
    order,
    cancellation,
    backpressure,
    closing,
    closed_by_peer,
    lost,
    outcomes,
    misuse,
    errors,
    rooms,
    members,
    broadcasts,
    devices,
    changes,
    outboxes,
)

_ORDER = {module.__name__: place for place, module in enumerate(MODULES)}

CASES: tuple[Case, ...] = tuple(
    sorted(
        (case for case in subclasses(Case) if type(case).__module__ in _ORDER),
        key=lambda case: _ORDER[type(case).__module__],
    )
)
"""All of them, in the order of the matrix."""
