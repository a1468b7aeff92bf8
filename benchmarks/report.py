"""Results as tables and as a page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.contestants import ABSENT, Field
from benchmarks.results import Results, Row
from benchmarks.targets import verdicts
from benchmarks.workload import Workload
from benchmarks.workloads import WORKLOADS

SHARES = {"server", "generator"}


def render(results: Results, folder: Path) -> None:
    """Write ``RESULTS.md`` and its chart ``RESULTS.png`` to the folder."""
    from benchmarks.chart import draw

    drawn = draw(results, folder / "RESULTS.png")
    picture = "![Echo, fan-out and memory](RESULTS.png)\n\n" if drawn else ""
    text = f"# Results\n\n{picture}{about(results)}\n{tables(results)}"
    (folder / "RESULTS.md").write_text(text)


def about(results: Results) -> str:
    told = dict(results.about)
    versions = ", ".join(f"{name} {version}" for name, version in told.pop("versions").items())
    seconds, quick = told.pop("seconds"), told.pop("quick")
    del told["rounds"]
    lines = [
        f"Written by `python -m benchmarks{' --quick' if quick else ''}` in {seconds // 60} minutes: "
        "medians of rounds, in each of which everybody has a turn, or several, of which the lowest counts.",
        "Pinned: servers on one processor, the load generator on another one. Free: wherever they are put.",
        "Compare figures of one table only. How to read them: `README.md`.",
        "",
        *(f"- {name}: {value}" for name, value in told.items()),
        f"- versions: {versions}",
        "",
    ]
    return "\n".join(lines)


def tables(results: Results) -> str:
    """All of them, as Markdown."""
    parts = [targets(results)]
    for name, make in WORKLOADS.items():
        workload = make(Field((), results.about["quick"]), 0.0)
        passes = [pinned for pinned in (True, False) if results.cases(name, pinned=pinned)]
        if passes:
            rounds = results.rounds(name)
            in_rounds = f"Medians of {rounds} rounds." if rounds > 1 else "One round."
            parts.append(f"## {workload.title}\n\n{workload.explained} {in_rounds}\n")
        parts += [compared(results, workload, pinned=pinned) for pinned in passes]
    skipped = sorted({**ABSENT, **results.skipped}.items())
    parts.append("## Who took no part\n\n" + table(["contestant", "reason"], skipped))
    return "\n".join(parts)


def targets(results: Results) -> str:
    rows = [
        [verdict.claim, verdict.limit, verdict.measured, verdict.outcome] for verdict in verdicts(results)
    ]
    return "## Targets\n\n" + table(["target", "at most", "measured", ""], rows)


def compared(results: Results, workload: Workload, *, pinned: bool) -> str:
    """The main figure of everybody by case, beside that of the server without a library; then all figures."""
    (main, heading), *others = workload.columns.items()
    of_case = {
        case: results.of(workload.name, case, pinned=pinned)
        for case in results.cases(workload.name, pinned=pinned)
    }
    grids = "\n".join(grid(cases, main) for cases in alike(of_case))
    every = [
        [case, row.title, number(main, row.median(main)), spread(row, main)]
        + [number(key, row.median(key)) for key, _ in others]
        for case, rows in of_case.items()
        for row in rows.values()
    ]
    where = "Pinned" if pinned else "Free"
    return (
        f"{where}: {heading} for each {workload.unit}, x beside the server without a library.\n\n{grids}"
        f"\n<details><summary>{where}: all figures</summary>\n\n"
        + table(["load", "", heading, "in single rounds", *(other for _, other in others)], every)
        + "\n</details>\n"
    )


Cases = dict[str, dict[str, Row]]


def alike(of_case: Cases) -> list[Cases]:
    """Those with the same contestants together."""
    groups: dict[tuple[str, ...], Cases] = {}
    for case, rows in of_case.items():
        groups.setdefault(tuple(rows), {})[case] = rows
    return list(groups.values())


def grid(of_case: Cases, figure: str) -> str:
    """Contestants by cases, whichever are more in lines."""
    titles = {row.contestant: row.title for rows in of_case.values() for row in rows.values()}
    if len(of_case) > len(titles):
        lines = [[case, *(cell(rows, name, figure) for name in titles)] for case, rows in of_case.items()]
        return table(["", *titles.values()], lines)
    lines = [
        [title, *(cell(rows, name, figure) for rows in of_case.values())] for name, title in titles.items()
    ]
    return table(["", *of_case], lines)


def cell(rows: dict[str, Row], contestant: str, figure: str) -> str:
    """``12.3 (x 1.05)``."""
    row = rows.get(contestant)
    if row is None:
        return ""
    median = row.median(figure)
    if row.failed or median is None:
        return row.failed
    floor = rows.get(f"{contestant.partition('/')[0]}/raw")
    beside = floor.median(figure) if floor is not None and floor is not row else None
    return number(figure, median) + (
        f" (x {median / beside:.2f})" if beside and math.isfinite(beside) else ""
    )


def spread(row: Row, figure: str) -> str:
    """From the lowest to the highest round."""
    figures = row.figures.get(figure)
    return f"{number(figure, min(figures))} to {number(figure, max(figures))}" if figures else ""


def number(figure: str, value: float | None) -> str:
    """With three digits that matter."""
    if value is None or not math.isfinite(value):
        return "" if value is None else "infinite"
    if figure in SHARES:
        return f"{value:.0%}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.{1 if value >= 10 else 2}f}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
