"""What a backplane tells, while it runs, and the pace at which that is taken.

As it comes, but after this process stood still: paused, or starved, or blocked by a handler. Then a broker
brings at once all that it has kept. The members are not to blame, and servers can take nothing from an outbox
in one turn of the event loop; so for a while each message waits until they have room, as if its policy were
"block".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

STOOD_STILL = 1.0
"""Seconds without a turn for this process, more than it ever sleeps, after which it has to catch up."""
CATCHING_UP = 2.0
"""Seconds for that. A member that makes the others wait for longer is slow itself."""
TICK = 0.5

Receive = Callable[[str, bytes], None]
Room = Callable[[str, bytes], Awaitable[None]]


class Listening:
    """The :class:`~anysocket._backplane.Listener` for one start of the backplane. ``receive`` takes a
    message, and ``room`` waits until those who get it can."""

    def __init__(self, receive: Receive, room: Room, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._room = room
        self._loop = loop
        self._late: deque[tuple[str, bytes]] = deque()
        self._error: BaseException | None = None
        self._news = asyncio.Event()
        self._last_turn = loop.time()
        self._caught_up = 0.0
        """When it will be, at the latest."""

    def received(self, topic: str, data: bytes) -> None:
        """As the port has it, and so is the other."""
        if self._late or self._turn() < self._caught_up:
            self._late.append((topic, data))
            self._news.set()
        else:
            self._receive(topic, data)

    def lost(self, error: BaseException) -> None:
        """Ends ``run``."""
        self._error = error
        self._news.set()

    async def run(self) -> None:
        """Raises what it was lost by."""
        while self._error is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._news.wait()
            self._turn()
            self._news.clear()
            await self._catch_up()
        raise self._error

    def _turn(self) -> float:
        now = self._loop.time()
        if now - self._last_turn > TICK + STOOD_STILL:
            self._caught_up = now + CATCHING_UP
        self._last_turn = now
        return now

    async def _catch_up(self) -> None:
        while self._late and self._error is None:
            message = self._late[0]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._caught_up):
                    await self._room(*message)
            self._late.popleft()
            self._receive(*message)
            await asyncio.sleep(0)
