"""Which topics are subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from anysocket._following import Following
from core.fake_transport import settle


class Subscriptions:
    """A backplane's, noted, and held if need be."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, set[str]]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def subscribe(self, topics: Collection[str]) -> None:
        self.calls.append(("+", set(topics)))
        await self.free.wait()

    async def unsubscribe(self, topics: Collection[str]) -> None:
        self.calls.append(("-", set(topics)))


@pytest.fixture
def subscriptions() -> Any:
    return Subscriptions()


@pytest.fixture
async def following(subscriptions: Any) -> AsyncIterator[Following]:
    following = Following()
    following.reset()
    task = asyncio.create_task(following.run(subscriptions))
    yield following
    task.cancel()
    await asyncio.wait({task})


async def test_what_is_wanted_is_subscribed_to_all_at_once(following: Following, subscriptions: Any) -> None:
    await settle()
    waits = [following.follow(topic) for topic in "abc"]
    for followed in waits:
        await followed
    assert subscriptions.calls == [("+", {"a", "b", "c"})]
    await following.follow("a")
    assert len(subscriptions.calls) == 1
    following.unfollow("a")
    following.unfollow("a")
    following.unfollow("never")
    await settle()
    assert subscriptions.calls[1:] == [("-", {"a"})]
    assert "a" not in following and "b" in following and following.wanted == {"b", "c"}


async def test_leaving_and_coming_back_at_once_costs_nothing(
    following: Following, subscriptions: Any
) -> None:
    await following.follow("a")
    following.unfollow("a")
    await following.follow("a")
    assert subscriptions.calls == [("+", {"a"})]


async def test_waiting_takes_as_long_as_subscribing(following: Following, subscriptions: Any) -> None:
    subscriptions.free.clear()
    first, second = (asyncio.ensure_future(_wait(following.follow("a"))) for _ in range(2))
    await settle()
    assert not first.done()
    first.cancel()
    await settle()
    assert first.cancelled() and not second.done()
    subscriptions.free.set()
    await asyncio.wait_for(second, 5)


async def test_leaving_while_it_is_subscribed_to(following: Following, subscriptions: Any) -> None:
    subscriptions.free.clear()
    following.follow("a")
    await settle()
    following.unfollow("a")
    subscriptions.free.set()
    await settle()
    assert subscriptions.calls == [("+", {"a"}), ("-", {"a"})]


async def test_after_a_reset_all_is_subscribed_to_anew(following: Following, subscriptions: Any) -> None:
    await following.follow("a")
    following.reset()
    await following.follow("a")
    assert subscriptions.calls == [("+", {"a"})] * 2


async def test_nobody_waits_for_ever() -> None:
    following = Following()
    waiting = asyncio.ensure_future(_wait(following.follow("a")))
    await settle()
    assert not waiting.done()
    following.end()
    await asyncio.wait_for(waiting, 5)


async def _wait(followed: Any) -> None:
    await followed
