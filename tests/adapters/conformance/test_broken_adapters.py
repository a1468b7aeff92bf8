"""No case passes by not running: an adapter broken on purpose turns the cases red that speak of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anysocket_conformance import _runner
from anysocket_conformance._verdict import Verdict, judge
from anysocket_conformance.cases import ALL_CASES
from anysocket_servers import BY_NAME

TEXTS = {"short-messages", "send-each-kind", "send-one-by-one", "same-order"}
ORDER = {"send-one-by-one", "same-order"}
CODES = {"close-with-4000", "close-twice"}
WATCHED = TEXTS | ORDER | CODES
"""Each of them passes on an adapter that is whole, on any of these servers."""

BROKEN = [
    ("granian-rsgi", "swap_text_and_bytes", TEXTS),
    ("granian-rsgi", "reorder_two_sends", ORDER),
    ("granian-asgi", "swap_text_and_bytes", TEXTS),
    ("granian-asgi", "drop_the_close_code", CODES),
    ("uvicorn-sansio", "swap_text_and_bytes", TEXTS),
    ("uvicorn-sansio", "drop_the_close_code", CODES),
    ("uvicorn-sansio", "reorder_two_sends", ORDER),
    ("hypercorn", "drop_the_close_code", CODES),
]


@pytest.mark.parametrize(
    ("name", "way", "red"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
async def test_what_is_broken_is_named(
    name: str, way: str, red: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKEN", way)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(_runner, "APPS", {"anysocket": "broken_app:contract"})
    cases = [case for case in ALL_CASES if case.name in WATCHED]
    results = await _runner.run_cases(BY_NAME[name], "anysocket", cases)
    assert {result.case.name for result in results if judge(result).verdict is Verdict.FAILED} == red


@pytest.mark.parametrize("name", sorted({name for name, *_ in BROKEN}))
async def test_what_is_whole_is_not(name: str) -> None:
    cases = [case for case in ALL_CASES if case.name in WATCHED]
    results = await _runner.run_cases(BY_NAME[name], "anysocket", cases)
    verdicts = {judge(result).verdict for result in results}
    assert len(results) == len(WATCHED) and verdicts <= {Verdict.KEPT, Verdict.IN_PART}
