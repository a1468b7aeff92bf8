"""The checks for authors of backplanes pass on what is right, and tell what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from anysocket._memory_backplane import MemoryBackplane
from anysocket.testing import MemoryHub, _check_backplane, check_backplane


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check_backplane, "TIMEOUT", 0.5)


async def test_memory_keeps_all_promises() -> None:
    assert await check_backplane(MemoryHub().connect) == 8


class Reversed(MemoryBackplane):
    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        await super().publish(messages[::-1])


async def test_what_is_wrong_is_told_by_name() -> None:
    hub = MemoryHub()
    with pytest.raises(AssertionError, match="2 of 8 checks failed") as failed:
        await check_backplane(lambda: Reversed(hub))
    assert "messages of a publisher come in order once" in str(failed.value)


async def test_what_hubs_lose_is_up_to_the_test() -> None:
    hub = MemoryHub()
    hub.lose(1)
    with pytest.raises(AssertionError, match="all data arrives as it is"):
        await check_backplane(hub.connect)
