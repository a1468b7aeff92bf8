"""What a result means: kept, kept in part, a known deviation, or a failure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anysocket_conformance._runner import Result
from anysocket_conformance.deviations import DEVIATIONS, Deviation


class Verdict(enum.Enum):
    """Of a case on a server, under anysocket."""

    KEPT = "yes"
    IN_PART = "part"
    """As the contract says for a server that lacks a capability."""
    DEVIATES = "no"
    """As a row of the deviations says."""
    NOT_PLAYED = "–"
    """The server has not what the case needs."""
    FAILED = "FAILED"
    """Something that is written nowhere."""


@dataclass(frozen=True)
class Judged:
    """A result with what it means, and the reason in words where it is no plain yes."""

    result: Result
    verdict: Verdict
    reason: str = ""


def judge(result: Result, deviations: Sequence[Deviation] = DEVIATIONS) -> Judged:
    """The verdict on a result under anysocket."""
    if result.sight is None:
        return Judged(result, Verdict.NOT_PLAYED)
    row = find_row(result, deviations)
    if row is not None:
        if result.instead == row.instead:
            return Judged(result, Verdict.DEVIATES, f"{row.instead}. {row.why} (since {row.since})")
        happened = f"saw {result.instead}" if result.instead else "the promise is kept"
        return Judged(result, Verdict.FAILED, f"{happened}; known as a deviation: {row.instead}")
    if result.whole:
        return Judged(result, Verdict.KEPT)
    if result.as_capabilities_say:
        lacking = result.case.needs & ~result.server.capabilities
        flags = ", ".join(f"`{flag.name}`" for flag in lacking)
        return Judged(result, Verdict.IN_PART, f"{result.instead}. Lacks {flags}")
    return Judged(result, Verdict.FAILED, f"saw {result.sight}; expected {result.expected}")


def find_row(result: Result, deviations: Iterable[Deviation]) -> Deviation | None:
    """The row that speaks of this case on this server."""
    for row in deviations:
        if result.server.name in row.servers and result.case.name in row.cases:
            return row
    return None
