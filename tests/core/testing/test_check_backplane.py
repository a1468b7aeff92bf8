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


class Bounded(MemoryBackplane):
    """It says what it carries at most, and does not carry that."""

    max_bytes = 200_000
    carries = 200_000

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        await super().publish([each for each in messages if len(each[1]) <= self.carries])


class OffByOne(Bounded):
    carries = 199_999


async def test_the_largest_message_is_tried_where_there_is_one() -> None:
    hub = MemoryHub()
    assert await check_backplane(lambda: Bounded(hub)) == 8
    with pytest.raises(AssertionError, match="1 of 8 checks failed:\nthe largest message passes"):
        await check_backplane(lambda: OffByOne(hub))


class CutByLargeMessages(MemoryBackplane):
    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        if any(len(data) > 1000 for _, data in messages):
            self._hub.fail()
            self._hub.restore()
        await super().publish(messages)


async def test_a_loss_is_told_with_its_cause() -> None:
    hub = MemoryHub()
    with pytest.raises(AssertionError, match="2 of 8 checks failed") as failed:
        await check_backplane(lambda: CutByLargeMessages(hub))
    assert str(failed.value).count("it was lost: ConnectionError('cut off')") == 2
