"""What the RSGI tests share is beside them."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "apps")]

KEYS = itertools.count(1)


@pytest.fixture
def key() -> str:
    """A name of this test's own for what a probe tells."""
    return f"key-{next(KEYS)}"
