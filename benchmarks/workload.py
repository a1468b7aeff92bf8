"""What a workload says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from anysocket_servers import ProcessRunning
from benchmarks.contestants import Contestant

Figures = dict[str, float]
"""What one measurement came to, by the names in :attr:`Workload.columns`."""
Measure = Callable[[ProcessRunning, Contestant], Awaitable[Figures]]

CPU = {
    "us": "server CPU, us",
    "rate": "a second",
    "server": "server's share of a processor",
    "generator": "load generator's share",
}
"""What a :class:`benchmarks.meter.Meter` tells."""


@dataclass(frozen=True)
class Case:
    """One load, and who is under it."""

    name: str
    contestants: Sequence[Contestant]
    measure: Measure
    quick: bool = True
    """Whether a quick run has it."""
    free: Sequence[Contestant] = ()
    """Who goes through it a second time, on whatever processors the system chooses."""
    turns: int = 1
    """How often each has its turn in a round, of which the one with the lowest first figure counts: others
    who have the machine, too, come and go within seconds, and can only make a message dearer."""
    fresh: bool = False
    """Whether each measurement has a server of its own, as memory is not given back."""


@dataclass(frozen=True)
class Workload:
    """A table of results."""

    name: str
    title: str
    explained: str
    unit: str
    """What is counted: the first column is for each of these."""
    columns: Mapping[str, str]
    """The figures; contestants are compared by the first one."""
    cases: Sequence[Case]
