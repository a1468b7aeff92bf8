"""The list of cases itself: complete, and fit to be read in the matrix."""

from __future__ import annotations

import pkgutil
from collections import Counter
from types import ModuleType

import pytest

import anysocket.testing.cases
import anysocket_conformance.cases
from anysocket.testing._case import Case
from anysocket.testing._clauses import CLAUSES, PENDING
from anysocket_conformance.cases import ALL_CASES

MAX_TITLE = 100


@pytest.mark.parametrize("clause", CLAUSES)
def test_every_clause_has_a_case_or_a_reason_for_none(clause: str) -> None:
    cases = [case.name for case in ALL_CASES if clause in case.clauses]
    assert bool(cases) != (clause in PENDING), (
        f"{clause} is in PENDING: {clause in PENDING}, its cases: {cases}"
    )


def test_what_is_pending_is_a_clause() -> None:
    assert set(PENDING) <= set(CLAUSES)
    assert all(PENDING.values())


@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.name)
def test_every_case_says_what_it_is(case: Case) -> None:
    assert case.group
    assert case.clauses
    assert set(case.clauses) <= set(CLAUSES)
    assert type(case).__doc__, "its title is that of its base"
    assert case.title.endswith(".") and len(case.title) <= MAX_TITLE


def test_no_two_cases_have_the_same_name() -> None:
    assert [name for name, count in Counter(case.name for case in ALL_CASES).items() if count > 1] == []


@pytest.mark.parametrize(
    "package", [anysocket.testing.cases, anysocket_conformance.cases], ids=lambda each: each.__name__
)
def test_every_module_of_cases_is_listed(package: ModuleType) -> None:
    present = {module.name for module in pkgutil.iter_modules(package.__path__)}
    listed = {module.__name__.rpartition(".")[2] for module in package.MODULES}
    assert listed == {name for name in present if not name.startswith("_")}
