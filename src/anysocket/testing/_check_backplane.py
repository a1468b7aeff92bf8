"""What the port for backplanes promises, against any adapter. No test framework is needed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count

from anysocket._backplane import Backplane

BackplaneFactory = Callable[[], Backplane]
"""What an author of an adapter provides: another backplane, not started, that carries to all the others."""

TIMEOUT = 10.0
"""Seconds for whatever has to happen."""
ODD_NAMES = (
    *("a/b", "//", "/", " ", "*", "**", "$*", "#", "?", ">", "a.b", "..", "%", "%2F", "\\", "\r\n", "\0"),
    *("ü", "房間", "{a}b", "@", ":", "x" * 255, "房" * 255),
)
"""Rooms may have any of these names."""
DATA = (b"", b"\0", bytes(range(256)), b"\r\n", b"x" * 100_000)

_numbers = count(1)


class Ear:
    """A listener: what came, by topic."""

    def __init__(self) -> None:
        self.heard: defaultdict[str, list[bytes]] = defaultdict(list)
        self.errors: list[BaseException] = []
        self._news = asyncio.Event()

    def received(self, topic: str, data: bytes) -> None:
        """As the port has it."""
        assert type(data) is bytes, f"data is bytes, not {type(data).__name__}"
        self.heard[topic].append(data)
        self._news.set()

    def lost(self, error: BaseException) -> None:
        """As the port has it."""
        self.errors.append(error)
        self._news.set()

    async def until(self, topic: str, number: int) -> list[bytes]:
        """The messages of a topic, once there are so many."""
        async with asyncio.timeout(TIMEOUT):
            while len(self.heard[topic]) < number and not self.errors:
                self._news.clear()
                await self._news.wait()
        assert not self.errors, f"it was lost: {self.errors[0]!r}"
        return self.heard[topic]


@asynccontextmanager
async def started(factory: BackplaneFactory) -> AsyncIterator[tuple[Backplane, Ear]]:
    """One side, while it is started."""
    backplane, ear = factory(), Ear()
    async with asyncio.timeout(TIMEOUT):
        await backplane.start(ear)
    try:
        yield backplane, ear
    finally:
        async with asyncio.timeout(TIMEOUT):
            await backplane.stop()


def topic(name: str = "room") -> str:
    """One that no other check uses, as the core makes them."""
    return f"check-{next(_numbers)}/room/{name}"


async def all_data_arrives_as_it_is(factory: BackplaneFactory) -> None:
    """Empty, binary and large data."""
    here = topic()
    async with started(factory) as (a, _), started(factory) as (b, ear):
        await b.subscribe([here])
        await a.publish([(here, data) for data in DATA])
        assert await ear.until(here, len(DATA)) == list(DATA)


async def a_subscription_is_there_when_subscribe_returns(factory: BackplaneFactory) -> None:
    """Without a pause between, again and again."""
    async with started(factory) as (a, _), started(factory) as (b, ear):
        for _ in range(20):
            here = topic()
            await b.subscribe([here])
            await a.publish([(here, b"first")])
            assert await ear.until(here, 1) == [b"first"]


async def topics_of_any_name_are_told_apart(factory: BackplaneFactory) -> None:
    """What other systems take for patterns is but a name."""
    topics = [topic(name) for name in ODD_NAMES]
    async with started(factory) as (a, _), started(factory) as (b, ear):
        await b.subscribe(topics)
        await a.publish([(each, each.encode()) for each in topics])
        for each in topics:
            await ear.until(each, 1)
        assert dict(ear.heard) == {each: [each.encode()] for each in topics}


async def messages_of_a_publisher_come_in_order_once(factory: BackplaneFactory) -> None:
    """To several topics, from two publishers at a time."""
    topics = topic(), topic()
    sent = {name: [b"%s %d" % (name, number) for number in range(500)] for name in (b"a", b"c")}
    async with started(factory) as (a, _), started(factory) as (b, ear), started(factory) as (c, _):
        await b.subscribe(topics)
        sides = ((a, sent[b"a"]), (c, sent[b"c"]))
        await asyncio.gather(*(_publish_to_each(side, topics, data) for side, data in sides))
        for each in topics:
            came = await ear.until(each, 1000)
            by_publisher = {name: [data for data in came if data.startswith(name)] for name in sent}
            assert by_publisher == sent, "each message comes once, in order"


async def _publish_to_each(side: Backplane, topics: Sequence[str], data: Sequence[bytes]) -> None:
    for start in range(0, len(data), 50):
        await side.publish([(topic, each) for each in data[start : start + 50] for topic in topics])


async def only_what_is_subscribed_to_comes(factory: BackplaneFactory) -> None:
    """Nothing of other topics, and nothing after the end of a subscription."""
    here, other, end = topic(), topic(), topic()
    async with started(factory) as (a, _), started(factory) as (b, ear):
        await b.subscribe([here, end])
        await a.publish([(other, b"no"), (here, b"yes")])
        await ear.until(here, 1)
        await b.unsubscribe([here])
        await b.health()
        await a.publish([(here, b"no"), (end, b"end")])
        await ear.until(end, 1)
        assert dict(ear.heard) == {here: [b"yes"], end: [b"end"]}
        await b.subscribe([here])
        await a.publish([(here, b"again")])
        assert await ear.until(here, 2) == [b"yes", b"again"]


async def many_topics_are_one_call(factory: BackplaneFactory) -> None:
    """As after the backplane's return."""
    topics = [topic() for _ in range(500)]
    async with started(factory) as (a, _), started(factory) as (b, ear):
        await b.subscribe(topics)
        await a.publish([(each, b"") for each in topics])
        for each in topics:
            await ear.until(each, 1)
        await b.unsubscribe(topics)


async def it_starts_anew(factory: BackplaneFactory) -> None:
    """Without the subscriptions of before."""
    here, end = topic(), topic()
    async with started(factory) as (a, _):
        b, ear = factory(), Ear()
        await b.start(ear)
        await b.subscribe([here])
        await b.stop()
        await b.start(ear)
        try:
            await b.health()
            await b.subscribe([end])
            await a.publish([(here, b"no"), (end, b"end")])
            await ear.until(end, 1)
            assert dict(ear.heard) == {end: [b"end"]} and not ear.errors
        finally:
            await b.stop()


async def the_largest_message_passes(factory: BackplaneFactory) -> None:
    """Or a large one, where there is no largest."""
    here = topic()
    async with started(factory) as (a, _), started(factory) as (b, ear):
        data = DATA[-1] if a.max_bytes is None else bytes(a.max_bytes)
        await b.subscribe([here])
        await a.publish([(here, data)])
        assert await ear.until(here, 1) == [data]


CHECKS: tuple[Callable[[BackplaneFactory], Awaitable[None]], ...] = (
    all_data_arrives_as_it_is,
    a_subscription_is_there_when_subscribe_returns,
    topics_of_any_name_are_told_apart,
    messages_of_a_publisher_come_in_order_once,
    only_what_is_subscribed_to_comes,
    many_topics_are_one_call,
    it_starts_anew,
    the_largest_message_passes,
)


async def check_backplane(factory: BackplaneFactory) -> int:
    """Check an adapter against what :class:`anysocket.Backplane` promises, in this event loop, and return how
    many checks there were.

    Raises ``AssertionError`` that lists each check that failed, after all were made.
    """
    failures: list[str] = []
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            await check(factory)
        except Exception as error:
            failures.append(f"{name}: {error!r}")
    if failures:
        raise AssertionError(f"{len(failures)} of {len(CHECKS)} checks failed:\n" + "\n".join(failures))
    return len(CHECKS)
