"""What a backplane costs, beside the same client library used by hand, in the same run.

``python -m benchmarks.backplane redis://localhost nats://localhost zenoh://``: one process publishes, another
one receives. Latency is from the call that publishes to the delivery in the other process, one message at a
time; throughput is that of 64 bytes to one room, as fast as it goes; foreign rooms are the CPU time that the
receiving process spends on messages to rooms it has no member of, while it follows 1,000 others.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

from anysocket import WebSocketManager

PINGS = 500
MESSAGES = 30_000
FOREIGN = 20_000
ROOMS = 1000
PAYLOAD = "x" * 64

Receive = Callable[[bytes], None]


class Ours:
    """A manager with a connection in memory."""

    def __init__(self, url: str) -> None:
        self._manager = WebSocketManager(backplane=url, max_outbox_messages=1 << 20, max_outbox_bytes=1 << 30)

    async def start(self) -> None:
        await self._manager.backplane.start()

    async def publish(self, room: str, text: str) -> None:
        await self._manager.broadcast_to_room(room, text)

    async def subscribe(self, room: str, receive: Receive) -> None:
        """What a connection would be sent is taken before it is."""
        here = self._manager._here
        deliver = here.deliver

        def take(rooms: Any, message: Any, excluded: Any, policy: Any) -> None:
            deliver(rooms, message, excluded, policy)
            receive(message)

        here.deliver = take  # type: ignore[method-assign]
        await self._manager._link.follow(room)

    async def follow(self, rooms: list[str]) -> None:
        for followed in [self._manager._link.follow(room) for room in rooms]:
            await followed

    async def stop(self) -> None:
        await self._manager.backplane.stop()


class RawRedis:
    """redis-py by hand: one PUBLISH for each message, one task that listens."""

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis

        self._client = Redis.from_url(url)
        self._pubsub = self._client.pubsub()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._client.ping()

    async def publish(self, room: str, text: str) -> None:
        await self._client.publish(room, text)

    async def subscribe(self, room: str, receive: Receive) -> None:
        await self._pubsub.subscribe(room)
        self._task = asyncio.create_task(self._listen(receive))

    async def _listen(self, receive: Receive) -> None:
        async for message in self._pubsub.listen():
            if message["type"] == "message":
                receive(message["data"])

    async def follow(self, rooms: list[str]) -> None:
        await self._pubsub.subscribe(*rooms)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        await self._client.aclose()


class RawNATS:
    """nats-py by hand."""

    def __init__(self, url: str) -> None:
        from nats.aio.client import Client

        self._url = url
        self._client = Client()

    async def start(self) -> None:
        await self._client.connect(self._url)

    async def publish(self, room: str, text: str) -> None:
        await self._client.publish(room, text.encode())

    async def subscribe(self, room: str, receive: Receive) -> None:
        async def take(message: Any) -> None:
            receive(message.data)

        await self._client.subscribe(room, cb=take)
        await self._client.flush()

    async def follow(self, rooms: list[str]) -> None:
        for room in rooms:
            await self._client.subscribe(room, cb=_ignore)
        await self._client.flush()

    async def stop(self) -> None:
        await self._client.close()


class RawZenoh:
    """Zenoh by hand: put, and a callback that hands over to the event loop."""

    def __init__(self, url: str) -> None:
        from anysocket_zenoh._configuration import Configuration

        self._configuration = Configuration(url)
        self._subscribers: list[Any] = []

    async def start(self) -> None:
        import zenoh

        try:
            self._session = zenoh.open(self._configuration.as_seed())
        except zenoh.ZError:
            self._session = zenoh.open(self._configuration.as_other())
        await asyncio.sleep(1)

    async def publish(self, room: str, text: str) -> None:
        self._session.put(room, text)

    async def subscribe(self, room: str, receive: Receive) -> None:
        loop = asyncio.get_running_loop()

        def take(sample: Any) -> None:
            loop.call_soon_threadsafe(receive, bytes(sample.payload))

        self._subscribers.append(self._session.declare_subscriber(room, take))
        await asyncio.sleep(0.5)

    async def follow(self, rooms: list[str]) -> None:
        import zenoh

        callback = zenoh.handlers.Callback(_drop, indirect=False)
        self._subscribers += [self._session.declare_subscriber(room, callback) for room in rooms]
        await asyncio.sleep(0.5)

    async def stop(self) -> None:
        self._session.close()


RAW: dict[str, Callable[[str], Any]] = {"redis": RawRedis, "nats": RawNATS, "zenoh": RawZenoh}


async def _ignore(message: Any) -> None: ...


def _drop(sample: Any) -> None: ...


async def receive(side: Any, pipe: Connection) -> None:
    """The receiving process: tells how many came, and what it took."""
    came: list[float] = []
    await side.start()
    await side.subscribe("room", lambda _: came.append(time.monotonic()))
    await side.follow([f"room{number}" for number in range(ROOMS)])
    pipe.send("ready")
    while True:
        while not pipe.poll():  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.0005)
        if (asked := pipe.recv()) == "end":
            break
        pipe.send((came[asked:], time.process_time()))
    await side.stop()


def _receiving(make: Callable[[str], Any], url: str, pipe: Connection) -> None:
    asyncio.run(receive(make(url), pipe))


async def measure(make: Callable[[str], Any], url: str) -> tuple[float, float, float, float]:
    """Latency p50 and p99 in microseconds, messages per second, microseconds of CPU per foreign message."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=_receiving, args=(make, url, other))
    process.start()
    side = make(url)
    await side.start()
    await _answer(pipe)
    await asyncio.sleep(1)
    sent: list[float] = []
    for _ in range(PINGS):
        sent.append(time.monotonic())
        await side.publish("room", PAYLOAD)
        await asyncio.sleep(0.003)
    came, _ = await _came(pipe, 0, PINGS)
    delays = sorted(there - here for here, there in zip(sent, came, strict=True))
    began = time.monotonic()
    for _ in range(MESSAGES):
        await side.publish("room", PAYLOAD)
    came, before = await _came(pipe, PINGS, MESSAGES)
    rate = len(came) / (came[-1] - began)
    pipe.send(0)
    before = (await _answer(pipe))[1]
    quiet = await _cpu_of(pipe, before, _nothing)
    foreign = await _cpu_of(pipe, quiet[1], lambda: _to_foreign_rooms(side))
    pipe.send("end")
    await side.stop()
    await asyncio.to_thread(process.join)
    cost = max(foreign[0] - quiet[0], 0.0) / FOREIGN
    return statistics.median(delays) * 1e6, delays[int(0.99 * PINGS)] * 1e6, rate, cost * 1e6


async def _cpu_of(
    pipe: Connection, before: float, work: Callable[[], Awaitable[None]]
) -> tuple[float, float]:
    """CPU seconds of the receiving process in three seconds with this work, and its clock after them."""
    began = time.monotonic()
    await work()
    await asyncio.sleep(max(0.0, 3 - (time.monotonic() - began)))
    pipe.send(1 << 40)
    after = (await _answer(pipe))[1]
    return after - before, after


async def _nothing() -> None: ...


async def _to_foreign_rooms(side: Any) -> None:
    for number in range(FOREIGN):
        await side.publish(f"foreign{number % ROOMS}", PAYLOAD)


async def _came(pipe: Connection, start: int, number: int) -> tuple[list[float], float]:
    end = time.monotonic() + 30
    while True:
        pipe.send(start)
        came, cpu = await _answer(pipe)
        if len(came) >= number or time.monotonic() > end:
            return came, cpu
        await asyncio.sleep(0.05)


async def _answer(pipe: Connection) -> Any:
    return await asyncio.to_thread(pipe.recv)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("urls", nargs="+", metavar="URL")
    for url in parser.parse_args().urls:
        for name, make in (("by hand", RAW[urlsplit(url).scheme]), ("anysocket", Ours)):
            middle, high, rate, foreign = asyncio.run(measure(make, url))
            print(
                f"{urlsplit(url).scheme:6} {name:10} p50 {middle:6.0f} us  p99 {high:6.0f} us  "
                f"{rate:8.0f} messages/s  {foreign:5.2f} us CPU per foreign message"
            )


if __name__ == "__main__":
    main()
