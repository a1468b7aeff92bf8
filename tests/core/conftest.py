from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from core.fake_transport import settle


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_half_done() -> AsyncIterator[None]:
    """Let a test's event loop come to rest before it is closed."""
    yield
    await settle()
