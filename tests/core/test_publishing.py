"""The queue to the backplane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from anysocket import BackplaneError, _publishing
from anysocket._publishing import PublishQueue
from core.fake_transport import settle


class Carrier:
    """Takes batches, unless it is held."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        await self.free.wait()
        self.batches.append([data for _, data in messages])

    @property
    def taken(self) -> list[bytes]:
        return [data for batch in self.batches for data in batch]


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def queue(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PublishQueue]:
    monkeypatch.setattr(_publishing, "MAX_MESSAGES", 4)
    monkeypatch.setattr(_publishing, "MAX_BYTES", 100)
    monkeypatch.setattr(_publishing, "BATCH", 2)
    queue = PublishQueue()
    task = asyncio.create_task(queue.run(carrier.publish))
    yield queue
    task.cancel()
    await asyncio.wait({task})


async def test_everything_is_handed_over_in_order_in_batches(queue: PublishQueue, carrier: Carrier) -> None:
    for data in b"a", b"b", b"c":
        assert queue.put("topic", data) is None
    assert len(queue) == 3
    await queue.flush()
    assert carrier.batches == [[b"a", b"b"], [b"c"]]
    assert (len(queue), queue.published) == (0, 3)
    queue.put("topic", b"d")
    await queue.flush()
    assert carrier.taken == [b"a", b"b", b"c", b"d"]


async def test_who_finds_no_room_waits_in_line(queue: PublishQueue, carrier: Carrier) -> None:
    carrier.free.clear()
    for data in b"a", b"b", b"c", b"d":
        queue.put("topic", data)
    waiting = [taken for data in (b"e", b"f", b"g") if (taken := queue.put("topic", data)) is not None]
    assert len(waiting) == 3 and not any(taken.done() for taken in waiting) and len(queue) == 7
    waiting[1].cancel()
    carrier.free.set()
    await queue.flush()
    assert carrier.taken == [b"a", b"b", b"c", b"d", b"e", b"g"]
    assert waiting[0].done() and waiting[2].done()


async def test_bytes_are_bounded_too_but_one_message_always_fits(
    queue: PublishQueue, carrier: Carrier
) -> None:
    carrier.free.clear()
    assert queue.put("topic", bytes(1000)) is None
    assert queue.put("topic", b"a") is not None
    carrier.free.set()
    await queue.flush()
    assert carrier.taken == [bytes(1000), b"a"]


async def test_who_waits_when_it_goes_down_gets_an_error_and_what_was_taken_is_kept(
    queue: PublishQueue, carrier: Carrier
) -> None:
    carrier.free.clear()
    puts = [queue.put("topic", data) for data in (b"a", b"b", b"c", b"d", b"e", b"f")]
    waiting = [taken for taken in puts if taken is not None]
    waiting[0].cancel()
    queue.refuse_line(lambda: BackplaneError("down"))
    with pytest.raises(BackplaneError):
        await waiting[1]
    carrier.free.set()
    await queue.flush()
    assert carrier.taken == [b"a", b"b", b"c", b"d"]


async def test_a_carrier_that_hangs_is_an_error(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publishing, "PUBLISH_TIMEOUT", 0.02)
    queue = PublishQueue()
    carrier.free.clear()
    queue.put("topic", b"a")
    with pytest.raises(TimeoutError):
        await queue.run(carrier.publish)


async def test_what_failed_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    queue, carrier = PublishQueue(), Carrier()

    async def fail(messages: Sequence[tuple[str, bytes]]) -> None:
        raise ConnectionError

    queue.put("topic", b"a")
    with pytest.raises(ConnectionError):
        await queue.run(fail)
    queue.put("topic", b"b")
    task = asyncio.create_task(queue.run(carrier.publish))
    await queue.flush()
    assert carrier.taken == [b"b"]
    task.cancel()
    await settle()
