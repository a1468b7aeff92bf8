"""The picture above the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.results import Results
from benchmarks.targets import ECHO, FAN_OUT
from benchmarks.workloads import idle

SIZES = {"to 10": 10, "to 100": 100, "to 1,000": 1000, "to 10,000": 10_000}
COLORS = {"raw": "#9aa0a6", "anysocket": "#d9480f"}
"""Of libraries; others have that of peers."""
PEER = "#4c78a8"


def draw(results: Results, path: Path) -> bool:
    """Write it; False where matplotlib is not installed."""
    try:
        import matplotlib as mpl  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # pyright: ignore[reportMissingImports]

    figure, places = plt.subplots(2, 2, figsize=(17, 14), layout="constrained")
    bars(places[0, 0], results, *ECHO)
    bars(places[0, 1], results, *FAN_OUT)
    fan_out(places[1, 0], results)
    memory(places[1, 1], results)
    figure.savefig(path, dpi=90)
    plt.close(figure)
    return True


def shown(results: Results, workload: str, case: str) -> dict[str, Any]:
    """The rows of a case that have figures; pinned if there are such."""
    rows = results.of(workload, case, pinned=True) or results.of(workload, case, pinned=False)
    return {name: row for name, row in rows.items() if row.figures}


def bars(axes: Any, results: Results, workload: str, case: str) -> None:
    rows = sorted(shown(results, workload, case).values(), key=lambda row: -(row.median("us") or 0))
    colors = [COLORS.get(row.contestant.split("/")[1], PEER) for row in rows]
    axes.barh([row.title for row in rows], [row.median("us") for row in rows], color=colors)
    axes.set_title(f"{workload}, {case}")
    axes.set_xlabel("server CPU for each message, us")


def fan_out(axes: Any, results: Results) -> None:
    lines: dict[str, list[tuple[int, float]]] = {}
    for case, members in SIZES.items():
        for row in shown(results, "fan-out", case).values():
            lines.setdefault(row.title, []).append((members, row.median("us") or 0))
    for title, points in lines.items():
        if len(points) > 1:
            axes.plot(*zip(*points, strict=True), marker="o", label=title)
    axes.set_xscale("log")
    axes.set_title("Fan-out to one room")
    axes.set_xlabel("members")
    axes.set_ylabel("server CPU for each delivered message, us")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")


def memory(axes: Any, results: Results) -> None:
    counts = sorted({*idle.STEPS, *idle.QUICK_STEPS})
    for case in results.cases("idle", pinned=True) or results.cases("idle", pinned=False):
        for row in shown(results, "idle", case).values():
            points = [
                (count, each * count / 1024)
                for count in counts
                if (each := row.median(idle.at(count))) is not None
            ]
            axes.plot(*zip(*points, strict=True), marker="o", label=row.title)
    axes.set_title("Memory of idle connections")
    axes.set_xlabel("connections")
    axes.set_ylabel("MiB")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")
