"""Members of rooms, who count what they get: fan-outs."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from benchmarks.contestants import Contestant
from benchmarks.dialects import Talker
from benchmarks.load import frame, open_client, open_many, size_from_server

ATTEMPTS = 5
ATTEMPT = 3.0
"""Seconds until a broadcast that does not reach everybody yet is tried again: members may join after their
handshake, and nodes may not know each other yet."""
TIMEOUT = 10.0
"""Seconds until a broadcast that has not reached everybody has failed."""
STEP = 0.05


class Crowd:
    """How many messages all members have got, and how many they should."""

    def __init__(self) -> None:
        self.received = 0
        self._goal = 0
        self._reached: asyncio.Future[None] | None = None

    def counted(self, messages: int) -> None:
        self.received += messages
        if self._reached is not None and self.received >= self._goal and not self._reached.done():
            self._reached.set_result(None)

    async def gets(self, messages: int, timeout: float) -> None:
        """Wait for so many more; ``TimeoutError``."""
        self._goal += messages
        if self.received < self._goal:
            self._reached = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(timeout):
                await self._reached

    def forget(self) -> None:
        """What has come counts as all that should."""
        self._goal = self.received


class Member(Talker):
    """Of a room."""

    def __init__(self, path: str, crowd: Crowd, size: int) -> None:
        super().__init__(path)
        self.crowd = crowd
        self.size = size

    def counted(self, messages: int) -> None:
        self.crowd.counted(messages)


class FanOut:
    """Rooms of members with one message on the way in each; the first member of each room sends it."""

    def __init__(self, port: int, contestant: Contestant, size: int) -> None:
        self.crowd = Crowd()
        self.members: list[Member] = []
        self._senders: dict[str, tuple[Member, bytes]] = {}
        self._port, self._contestant, self._size = port, contestant, size

    async def join(self, room: str, count: int) -> None:
        """So many come into a room."""
        joined = await open_many(count, partial(self.join_one, room))
        message = self._contestant.dialect.message("x" * self._size, room).encode()
        self._senders.setdefault(room, (joined[0], frame(message)))
        self.members += joined

    async def join_one(self, room: str, number: int = 0, *, small: bool = False) -> Member:
        dialect = self._contestant.dialect
        member = Member(dialect.path(room), self.crowd, self._size)
        await open_client(self._port, member, small=small)
        await dialect.greet(member, room)
        member.expected = size_from_server(len(dialect.message("x" * self._size, room).encode()))
        return member

    async def broadcast(self, timeout: float = TIMEOUT) -> float:
        """One message to each room, until all have it: the seconds that this took."""
        begin = time.perf_counter()
        for sender, message in self._senders.values():
            sender.transport.write(message)
        await self.crowd.gets(len(self.members), timeout)
        return time.perf_counter() - begin

    async def warm_up(self) -> None:
        """Everybody is reached. ``ConnectionError`` if this does not come about."""
        for _ in range(ATTEMPTS):
            try:
                await self.broadcast(ATTEMPT)
                return
            except TimeoutError:
                await self._quiet()
        raise ConnectionError(f"broadcasts do not reach all of {len(self.members)} members")

    async def _quiet(self) -> None:
        """Nothing more comes."""
        before = -1
        while before != self.crowd.received:
            before = self.crowd.received
            await asyncio.sleep(STEP)
        self.crowd.forget()
