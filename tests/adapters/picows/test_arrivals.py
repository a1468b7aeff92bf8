"""What has arrived: order, cancellation, and the peer held back."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest

from anysocket import Message
from anysocket_picows._arrivals import HIGH_WATER, Arrivals

LOST = ConnectionResetError("lost")


class TCP:
    """Remembers whether it is read."""

    def __init__(self) -> None:
        self.reading = True
        self.closing = False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing


@pytest.fixture
def tcp():
    return TCP()


@pytest.fixture
async def arrivals(tcp):
    return Arrivals(tcp)


async def take(arrivals):
    return (await arrivals).data


async def waiting(arrivals):
    """A task that has begun to wait."""
    task = asyncio.create_task(take(arrivals))
    await asyncio.sleep(0)
    return task


def put(arrivals, *texts):
    """As the event loop's own callbacks do, outside of any task."""
    for text in texts:
        asyncio.get_running_loop().call_soon(arrivals.put, Message("text", text))


async def test_messages_come_in_order(arrivals):
    put(arrivals, "a", "b")
    assert [await take(arrivals), await take(arrivals)] == ["a", "b"]
    put(arrivals, "c")
    assert await take(arrivals) == "c"


async def test_who_waits_is_handed_a_message_there_and_then(arrivals):
    task = await waiting(arrivals)
    seen = []

    def arrive():
        arrivals.put(Message("text", "x"))
        seen.append(task.done())

    asyncio.get_running_loop().call_soon(arrive)
    assert await task == "x"
    assert seen == [True]


async def test_a_callback_may_wake_in_its_own_context_who_waited_before(arrivals):
    context = copy_context()
    woken: list[str] = []
    before = asyncio.create_task(take(arrivals), context=context)
    await asyncio.sleep(0)
    put(arrivals, "first")
    assert await before == "first"
    waiter = next(arrivals.__await__())  # As a receive in flight steps it.
    waiter._asyncio_future_blocking = False
    waiter.add_done_callback(lambda _: context.run(woken.append, "in its context"))
    put(arrivals, "second")
    await asyncio.sleep(0)
    assert woken == ["in its context"]


async def test_a_cancelled_wait_loses_nothing(arrivals):
    task = await waiting(arrivals)
    task.cancel("enough")
    put(arrivals, "a")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await take(arrivals) == "a"


async def test_a_wait_within_a_timeout(arrivals):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await arrivals
    put(arrivals, "a")
    assert await take(arrivals) == "a"


async def test_the_end_comes_after_what_has_arrived(arrivals):
    put(arrivals, "a")
    asyncio.get_running_loop().call_soon(arrivals.end, Message("close", "", 1000), LOST)
    assert await take(arrivals) == "a"
    assert (await arrivals).code == 1000
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await arrivals


async def test_who_waits_learns_of_the_end(arrivals):
    task = await waiting(arrivals)
    arrivals.end(None, LOST)
    with pytest.raises(ConnectionResetError):
        await task


async def test_only_the_first_end_counts(arrivals):
    arrivals.end(Message("close", "", 1000), LOST)
    arrivals.end(Message("close", "", 1001), LOST)
    assert (await arrivals).code == 1000
    with pytest.raises(ConnectionResetError):
        await arrivals


@pytest.mark.parametrize("size", [0, 1000, 2 * HIGH_WATER])
async def test_tcp_is_not_read_while_much_is_unread(arrivals, tcp, size):
    count = 0
    while tcp.reading:
        arrivals.put(Message("text", "x" * size))
        count += 1
    assert arrivals.held
    assert count <= 1 + HIGH_WATER // max(size, 256)
    for left in reversed(range(count)):
        assert not tcp.reading
        assert len(await take(arrivals)) == size
        assert tcp.reading is (left == 0)


async def test_what_is_dropped_holds_nobody_back(arrivals, tcp):
    arrivals.put(Message("text", "x" * 2 * HIGH_WATER))
    arrivals.drop()
    assert tcp.reading
    put(arrivals, "a")
    assert await take(arrivals) == "a"


async def test_tcp_that_ends_is_left_alone(arrivals, tcp):
    arrivals.put(Message("text", "x" * 2 * HIGH_WATER))
    tcp.closing = True
    arrivals.drop()
    assert not tcp.reading
