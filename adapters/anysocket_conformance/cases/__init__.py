"""Every case of the contract: those that need no more than a client, and those of sockets and processes."""

from anysocket.testing._case import Case
from anysocket.testing.cases import CASES

ALL_CASES: tuple[Case, ...] = CASES
"""All of them, in the order of the matrix."""
