"""The README's table says what the adapters declare, and the reasons what they do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anysocket import Capability
from anysocket_asgi._profiles import PROFILES
from anysocket_conformance._reasons import REASONS
from anysocket_rsgi import CAPABILITIES
from anysocket_servers import SERVERS, Server

ROOT = Path(__file__).parents[2]
DECLARED = {profile.server: profile.capabilities for profile in PROFILES}
COLUMNS = {
    "Granian RSGI": CAPABILITIES,
    "Granian ASGI": DECLARED["Granian ASGI"],
    "uvicorn": DECLARED["uvicorn"],
    "Hypercorn": DECLARED["Hypercorn"],
    "Daphne": DECLARED["Daphne"],
    "TestClient, in memory": DECLARED["Starlette's TestClient"],
}
CELLS = {"yes": True, "1000, 3000 and up": True, "–": False, "picows, legacy": False, "in memory": False}
"""What a cell says of the column's own server; a few name the exception in so many words."""


def table(page: str) -> list[list[str]]:
    """The first table of the page, its ruler left out."""
    lines = (ROOT / page).read_text().split("\n| |", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|---" not in line]


def test_table_says_what_is_declared() -> None:
    servers, *rows = table("README.md")
    named = set()
    for what, *cells in rows:
        if found := re.search(r"`([A-Z_0-9]+)`", what):
            capability = Capability[found[1]]
            named.add(capability)
            told = dict(zip(servers, (CELLS[cell] for cell in cells), strict=True))
            assert told == {server: capability in COLUMNS[server] for server in servers}, what
    assert named == set(Capability)


@pytest.mark.parametrize("row", SERVERS, ids=str)
def test_each_missing_capability_has_its_reason(row: Server) -> None:
    assert set(REASONS[row.name]) == {flag for flag in Capability if flag not in row.capabilities}
