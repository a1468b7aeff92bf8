"""The tables of shim.md name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(test_\w+)`")


def test_each_test_that_is_named_exists():
    named = set(NAMED.findall((ROOT / "docs" / "shim.md").read_text()))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    written = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    assert named and named <= written, named - written
