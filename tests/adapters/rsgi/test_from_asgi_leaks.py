"""A thousand requests and a thousand WebSockets that fail at random points, the app's or the client's: no
task, no file descriptor and no memory is left, and the server still answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaks import check_nothing_is_left

APPS = Path(__file__).parent / "apps"


@pytest.mark.slow
@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
async def test_nothing_is_left(start_server: Any) -> None:
    await check_nothing_is_left(start_server("chaos:app", APPS))
