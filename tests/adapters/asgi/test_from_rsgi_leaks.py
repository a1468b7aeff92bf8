"""As ``tests/adapters/rsgi/test_from_asgi_leaks.py``, for an RSGI app that fails at random points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaks import check_nothing_is_left

APPS = Path(__file__).parent / "apps"


@pytest.mark.slow
@pytest.mark.servers("uvicorn-sansio", "hypercorn")
async def test_nothing_is_left(start_server: Any) -> None:
    await check_nothing_is_left(start_server("chaos_rsgi:app", APPS))
