"""The tables of the README and of compat_matrix.md say what the adapters declare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anysocket import Capability
from anysocket.testing._memory import EVERYTHING
from anysocket_asgi._profiles import PROFILES
from anysocket_rsgi import CAPABILITIES

ROOT = Path(__file__).parents[2]
DECLARED = {profile.server: profile.capabilities for profile in PROFILES}
COLUMNS = {
    "Granian RSGI": CAPABILITIES,
    "Granian ASGI": DECLARED["Granian ASGI"],
    "uvicorn": DECLARED["uvicorn"],
    "uvicorn (websockets-sansio, wsproto)": DECLARED["uvicorn"],
    "uvicorn (legacy websockets)": DECLARED["uvicorn (websockets, legacy)"],
    "Hypercorn": DECLARED["Hypercorn"],
    "Daphne": DECLARED["Daphne"],
    "TestClient": DECLARED["Starlette's TestClient"],
    "TestClient, in memory": DECLARED["Starlette's TestClient"],
    "in memory": EVERYTHING,
}
CELLS = {"yes": True, "1000, 3000 and up": True, "–": False, "legacy only": False, "in memory": False}
"""What a cell says of the column's own server; a few name the exception in so many words."""


def table(page: str) -> list[list[str]]:
    """The first table of the page, its ruler left out."""
    lines = (ROOT / page).read_text().split("\n| |", 1)[1].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|---" not in line]


@pytest.mark.parametrize("page", ["README.md", "compat_matrix.md"])
def test_table_says_what_is_declared(page: str) -> None:
    servers, *rows = table(page)
    named = set()
    for what, *cells in rows:
        if found := re.search(r"`([A-Z_0-9]+)`", what):
            capability = Capability[found[1]]
            named.add(capability)
            told = dict(zip(servers, (CELLS[cell] for cell in cells), strict=True))
            assert told == {server: capability in COLUMNS[server] for server in servers}, what
    assert named == set(Capability)
