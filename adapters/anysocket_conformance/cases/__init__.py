"""Every case of the contract: those that need no more than a client, and those of sockets and processes."""

from anysocket.testing._case import Case, subclasses
from anysocket.testing.cases import CASES
from anysocket_conformance.cases import (
    addresses,
    any_app,
    closing_frames,
    frames,
    http,
    resets,
    survival,
    violations,
)

MODULES = (frames, closing_frames, violations, survival, resets, addresses, http, any_app)

ALL_CASES: tuple[Case, ...] = (
    *CASES,
    *(case for case in subclasses(Case) if type(case).__module__ in {module.__name__ for module in MODULES}),
)
"""All of them, in the order of the matrix."""
