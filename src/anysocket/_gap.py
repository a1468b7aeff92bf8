"""What is told of messages that were missed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of another process that did not come."""

    rooms: frozenset[str]
    """Where they were published to; empty for messages to all."""
    node: str | None
    """Who published them, as a random name; None for all others, as the backplane was down here."""
    missed: int | None
    """How many, in each of the rooms; None where nobody can know."""
