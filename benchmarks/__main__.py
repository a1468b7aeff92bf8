"""Measure anysocket, the servers without it and other libraries, in turns: ``python -m benchmarks``.

python -m benchmarks                       all, some 50 minutes on two processors: RESULTS.md and RESULTS.png
python -m benchmarks --quick               five minutes
python -m benchmarks --only echo,fan-out --server granian-rsgi --rounds 11
python -m benchmarks --render saved.json   tables and chart once more, of an earlier run or of several
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.contestants import DEFAULT, SERVERS, Field
from benchmarks.meter import allow_many_connections
from benchmarks.report import render, tables
from benchmarks.results import load_results
from benchmarks.runner import run
from benchmarks.workloads import WORKLOADS

HERE = Path(__file__).parent
ROUNDS, QUICK_ROUNDS = 5, 3
SECONDS, QUICK_SECONDS = 0.5, 0.3


def names_among(known: Iterable[str], text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = sorted({*names}.difference(known))
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
    return names


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer loads and contestants, shorter, 3 rounds")
    parser.add_argument("--only", type=lambda text: names_among(WORKLOADS, text), help=", ".join(WORKLOADS))
    parser.add_argument(
        "--server", type=lambda text: names_among(SERVERS, text), help="instead of the usual ones"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="for one figure")
    parser.add_argument("--save", type=Path, default=HERE / "results.json", help="where the figures go")
    parser.add_argument("--render", type=Path, metavar="FILE", nargs="+", help="measure nothing")
    return parser


def main() -> int:
    options = arguments().parse_args()
    if options.render:
        render(load_results(options.render), HERE)
        return 0
    allow_many_connections()
    field = Field(options.server or DEFAULT, options.quick)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    workloads = [WORKLOADS[name](field, seconds) for name in options.only or WORKLOADS]
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    for results in run(workloads, field, rounds):
        results.save(options.save)
    results = load_results([options.save])
    print(tables(results))
    if not options.only and not options.server:
        render(results, HERE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
