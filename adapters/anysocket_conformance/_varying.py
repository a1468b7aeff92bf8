"""What bare servers do by chance: told as such in the matrix, so that two runs give the same text."""

from __future__ import annotations

VARYING: dict[str, tuple[str, ...]] = {}
"""By the name of the case: the names of the servers."""
