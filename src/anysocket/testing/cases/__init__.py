"""The contract's cases that need no more than a client: see ``CASES``."""

from anysocket.testing._case import Case, subclasses
from anysocket.testing.cases import broadcasts, changes, members, messages, rooms, routes

MODULES = (messages, routes, rooms, members, broadcasts, changes)

CASES: tuple[Case, ...] = tuple(
    case for case in subclasses(Case) if type(case).__module__ in {module.__name__ for module in MODULES}
)
"""All of them, in the order of the matrix."""
