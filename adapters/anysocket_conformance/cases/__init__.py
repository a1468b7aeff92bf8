"""Every case of the contract: those that need no more than a client, and those of sockets and processes."""

from anysocket.testing._case import Case, subclasses
from anysocket.testing.cases import CASES
from anysocket_conformance.cases import (
    addresses,
    any_app,
    as_sent,
    closing_frames,
    frames,
    http,
    http_and_websockets,
    limits,
    pings,
    resets,
    shutdown,
    start,
    survival,
    violations,
)

MODULES = (
    frames,
    closing_frames,
    violations,
    survival,
    resets,
    as_sent,
    addresses,
    http,
    http_and_websockets,
    limits,
    pings,
    start,
    shutdown,
    any_app,
)

ALL_CASES: tuple[Case, ...] = (
    *CASES,
    *(case for case in subclasses(Case) if type(case).__module__ in {module.__name__ for module in MODULES}),
)
"""All of them, in the order of the matrix."""
