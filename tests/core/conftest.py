from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from core.fake_transport import BROKEN_PROMISES, end_all, settle


@pytest_asyncio.fixture(autouse=True)
async def nothing_is_half_done() -> AsyncIterator[None]:
    """Let a test's event loop come to rest before it is closed; and the core keeps the port's promises."""
    BROKEN_PROMISES.clear()
    yield
    await settle()
    end_all()
    await settle()
    assert BROKEN_PROMISES == []
