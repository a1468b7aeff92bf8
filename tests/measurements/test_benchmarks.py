"""``python -m benchmarks``: what it counts, and what it says of the figures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.contestants import Contestant, Field
from benchmarks.instructions import CountedClient, summary
from benchmarks.load import Client, size_from_server
from benchmarks.profile import counted
from benchmarks.report import tables
from benchmarks.results import Results, Row, load_results
from benchmarks.runner import Run
from benchmarks.targets import ECHO
from benchmarks.workload import Case, Figures
from benchmarks.workloads import echo

ABOUT = {"quick": True, "rounds": 3, "seconds": 60, "versions": {}}


class Counting(Client):
    messages = 0

    def counted(self, messages: int) -> None:
        self.messages += messages


def row(contestant: str, *figures: float) -> Row:
    return Row(*ECHO, contestant, contestant, pinned=True, figures={"us": list(figures)})


@pytest.mark.parametrize("size", [1, 7, 66, 1000])
async def test_messages_are_counted_however_they_are_cut(size: int) -> None:
    client = Counting()
    client.opened.set_result(None)
    client.expected = size_from_server(64)
    stream = (b"\x81\x40" + b"x" * 64) * 50
    for begin in range(0, len(stream), size):
        client.data_received(stream[begin : begin + size])
    assert client.messages == 50


async def test_a_counted_client_sends_so_many_messages_and_no_more() -> None:
    written: list[bytes] = []
    client = CountedClient(Contestant("uvicorn-sansio", "raw"), 3)
    client.transport = cast(Any, SimpleNamespace(write=written.append))
    client.begin("x", depth=1)
    for _ in range(3):
        assert not client.all_are_back.done()
        client.counted(1)
    assert client.all_are_back.done() and len(written) == 3


def test_instructions_are_those_that_valgrind_sums_up() -> None:
    assert summary("events: Ir\nfn=main\n1 20\nsummary: 4711\n") == 4711
    with pytest.raises(ValueError, match="was killed"):
        summary("events: Ir\n")


def test_everybody_has_a_turn_in_each_round() -> None:
    field = Field(("uvicorn-sansio",), quick=True)
    case = Case("few", field.libraries("raw"), partial(echo.measure, 2, 64, 1, 0.1))
    (measured,) = Run(echo.workload(field, 0.1), [case], 2, pinned=False).rows()
    assert not measured.failed
    assert len(measured.figures["us"]) == 2
    assert min(measured.figures["rate"]) > 100
    assert max(measured.figures["generator"]) < 1.1


def test_of_several_turns_in_a_round_the_cheapest_counts() -> None:
    given = iter([30.0, 40.0, 20.0, 50.0, 25.0, 60.0])

    async def measure(*_: object) -> Figures:
        us = next(given)
        return {"us": us, "rate": 1e6 / us}

    field = Field(("uvicorn-sansio",), quick=True)
    contestants = field.libraries("raw", "anysocket")
    case = Case("few", contestants, measure, turns=3)
    first, second = Run(echo.workload(field, 0.1), [case], 1, pinned=False).rows()
    # Who begins changes from turn to turn.
    assert (first.contestant, first.figures) == ("uvicorn-sansio/raw", {"us": [25.0], "rate": [4e4]})
    assert (second.contestant, second.figures) == ("uvicorn-sansio/anysocket", {"us": [20.0], "rate": [5e4]})


def test_medians_are_beside_the_servers_own() -> None:
    rows = [row("granian-rsgi/raw", 10, 10, 99), row("granian-rsgi/anysocket", 10.5, 1, 12)]
    text = tables(Results(ABOUT, rows, {"ws on Node.js": "no npm"}))
    assert "10.5 (x 1.05)" in text
    assert "| Echo on Granian RSGI beside no library | 1.08 x | 1.05 x | met |" in text
    assert "| ws on Node.js | no npm |" in text


def test_rounds_that_differ_are_told() -> None:
    text = tables(Results(ABOUT, [row("granian-rsgi/raw", 12, 31, 10)], {}))
    assert f"| {ECHO[1]} | granian-rsgi/raw | 12.0 | 10.0 to 31.0 |" in text


def test_a_missed_target_is_told() -> None:
    rows = [row("uvicorn-sansio/raw", 10), row("uvicorn-sansio/anysocket", 11)]
    assert "| 1.05 x | 1.10 x | missed" in tables(Results(ABOUT, rows, {}))


def test_who_failed_is_told_why() -> None:
    failed = Row(
        *ECHO, "hypercorn/raw", "no library on Hypercorn", pinned=True, failed="TimeoutError: too late"
    )
    assert "| no library on Hypercorn | TimeoutError: too late |" in tables(Results(ABOUT, [failed], {}))


def test_figures_can_be_kept(tmp_path: Path) -> None:
    results = Results(ABOUT, [row("granian-rsgi/raw", 10, float("inf"))], {"Quart": "not installed"})
    results.save(tmp_path / "saved.json")
    assert load_results([tmp_path / "saved.json"]) == results


def test_runs_of_several_workloads_are_told_together(tmp_path: Path) -> None:
    echo, other = row("granian-rsgi/raw", 10, 11), row("granian-rsgi/raw", 10)
    other.workload = "drill"
    for name, one in (("first", echo), ("second", other)):
        Results(ABOUT, [one], {}).save(tmp_path / name)
    results = load_results([tmp_path / "first", tmp_path / "second"])
    assert (results.rounds("echo"), results.rounds("drill")) == (2, 1)
    assert results.about["seconds"] == 120


def test_a_profile_names_functions_of_ours_and_packages_of_others(tmp_path: Path) -> None:
    stacks = tmp_path / "stacks"
    stacks.write_text(
        "run (/lib/python3.13/asyncio/runners.py);next (/x/src/anysocket/_inbox.py) 2\n"
        "send (/x/site-packages/uvicorn/protocols/impl.py);write (/lib/python3.13/asyncio/events.py) 5\n"
        "echo (/x/benchmarks/peers/raw_asgi.py) 1\n"
        "send (/x/site-packages/uvicorn/protocols/impl.py) 2\n"
    )
    assert counted(stacks) == {
        "anysocket._inbox: next": 0.2,
        "asyncio": 0.5,
        "the app": 0.1,
        "uvicorn": 0.2,
    }
