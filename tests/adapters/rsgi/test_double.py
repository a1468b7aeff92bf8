"""The in-memory server behaves as Granian does: the same cases, seen by the same client, run against both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cases
import probes
import pytest
from observers import DIED, Double, Granian
from records import RECORDS

APPS = Path(__file__).parent / "apps"
MODES = {"granian-rsgi": "st", "granian-rsgi-mt": "mt"}
GRANIAN = tuple(MODES)


def plain(seen: Any) -> Any:
    """As it is once it went through JSON, under Granian's names for its errors."""
    text = json.dumps(seen, ensure_ascii=False)
    return json.loads(
        text.replace('"ProtocolClosed"', '"RSGIProtocolClosed"').replace(
            '"ProtocolError"', '"RSGIProtocolError"'
        )
    )


@pytest.fixture
def double():
    """The probes in memory; fresh ones, as their records belong to one event loop."""
    RECORDS.clear()
    return Double(probes.app, "st")


@pytest.mark.parametrize("name", cases.CASES)
async def test_double(double, key, name):
    case = cases.CASES[name]
    seen = await case.script(double, key)
    assert plain(seen) == case.seen


@pytest.mark.servers(*GRANIAN)
@pytest.mark.parametrize("name", cases.CASES)
async def test_granian(serve, key, name):
    case = cases.CASES[name]
    assert plain(await case.script(Granian(serve("probes:app", APPS)), key)) == case.seen


@pytest.mark.parametrize("mode", cases.ORDER)
async def test_order_of_sends_in_the_double(double, key, mode):
    double.runtime_mode = mode
    assert await cases.many_sends(double, key) == cases.ORDER[mode]


@pytest.mark.servers(*GRANIAN)
async def test_order_of_sends_in_granian(serve, server, key):
    seen = await cases.many_sends(Granian(serve("probes:app", APPS)), key)
    assert seen == cases.ORDER[MODES[server.name]]


@pytest.mark.parametrize("name", cases.DEATHS | cases.UNANSWERED)
async def test_the_double_dies(double, key, name):
    script = cases.status_of((cases.DEATHS | cases.UNANSWERED)[name])
    assert await script(double, key) == DIED


@pytest.mark.servers(*GRANIAN)
@pytest.mark.parametrize("name", cases.DEATHS)
async def test_granian_dies(start_server, key, name):
    running = start_server("probes:app", APPS)
    assert await cases.status_of(cases.DEATHS[name])(Granian(running), key) == DIED
    assert "panicked" in running.log()


@pytest.mark.servers(*GRANIAN)
@pytest.mark.parametrize("name", cases.UNANSWERED)
async def test_granian_without_an_answer(start_server, key, name):
    """Answered with 403, or the end of the process in older versions; the double is always that strict."""
    running = start_server("probes:app", APPS)
    assert await cases.status_of(cases.UNANSWERED[name])(Granian(running), key) in (403, DIED)
