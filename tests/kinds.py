"""A server of each kind, for tests of what no server changes: the contract's cases compare all of them."""

from __future__ import annotations

import pytest

EACH_KIND = ("granian-rsgi", "uvicorn-sansio", "testclient", "memory")
each_kind = pytest.mark.servers(*EACH_KIND)
