"""Figures of a run, kept as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Row:
    """One contestant under one load: a figure of each kind for each round."""

    workload: str
    case: str
    contestant: str
    title: str
    pinned: bool
    figures: dict[str, list[float]] = field(default_factory=dict)
    failed: str = ""

    def add(self, figures: Mapping[str, float]) -> None:
        for name, figure in figures.items():
            self.figures.setdefault(name, []).append(figure)

    def median(self, name: str) -> float | None:
        """Of the rounds; None if there is no figure."""
        figures = self.figures.get(name)
        return statistics.median(figures) if figures else None


@dataclass
class Results:
    """``about`` is the machine and the run, ``skipped`` says why a contestant took no part."""

    about: dict[str, Any]
    rows: list[Row]
    skipped: dict[str, str]

    def rounds(self, workload: str) -> int:
        """How many there were at most."""
        return max(
            (len(each) for row in self.rows if row.workload == workload for each in row.figures.values()),
            default=0,
        )

    def cases(self, workload: str, *, pinned: bool) -> list[str]:
        return list(
            dict.fromkeys(row.case for row in self.rows if (row.workload, row.pinned) == (workload, pinned))
        )

    def of(self, workload: str, case: str, *, pinned: bool) -> dict[str, Row]:
        """The rows of one case by the contestants' names, in their order."""
        key = (workload, case, pinned)
        return {row.contestant: row for row in self.rows if (row.workload, row.case, row.pinned) == key}

    def median(self, workload: str, case: str, contestant: str, figure: str) -> float | None:
        """Pinned if it was, else free."""
        for pinned in (True, False):
            row = self.of(workload, case, pinned=pinned).get(contestant)
            if row is not None:
                return row.median(figure)
        return None

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load_results(paths: Sequence[Path]) -> Results:
    """What :meth:`Results.save` wrote, of one run or of several, each of other workloads, on one machine."""
    runs = [json.loads(path.read_text()) for path in paths]
    about = {**runs[0]["about"], "seconds": sum(run["about"]["seconds"] for run in runs)}
    rows = [Row(**row) for run in runs for row in run["rows"]]
    return Results(about, rows, {name: why for run in runs for name, why in run["skipped"].items()})
