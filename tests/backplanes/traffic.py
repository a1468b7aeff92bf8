"""Constant traffic from one node to another, and what became of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anysocket import BackplaneError, Gap, WebSocketManager
from core.members import add
from core.nodes import until

logger = logging.getLogger(__name__)

PAUSE = 0.002
"""Seconds between two messages."""
BACK_WITHIN = 3.0
"""Seconds from the return of what was missing until messages arrive again."""


class Heard(list[str | bytes]):
    """What a peer is sent: numbers, noted beside the gaps."""

    def __init__(self, came: list[int | Gap]) -> None:
        super().__init__()
        self._came = came

    def append(self, data: str | bytes) -> None:
        self._came.append(int(data))


class Traffic:
    """Numbered messages from one manager to a room of another; ``came`` has numbers and gaps, in order."""

    def __init__(self, sender: WebSocketManager, receiver: WebSocketManager) -> None:
        self.sender = sender
        self.receiver = receiver
        self.sent = 0
        self.refused = 0
        self.longest_call = 0.0
        self.came: list[int | Gap] = []
        receiver.on_gap(self.came.append)

    async def run(self) -> None:
        while True:
            before = time.monotonic()
            try:
                await self.sender.broadcast_to_room("numbers", str(self.sent))
            except BackplaneError:
                self.refused += 1
            self.sent += 1
            self.longest_call = max(self.longest_call, time.monotonic() - before)
            await asyncio.sleep(PAUSE)

    @property
    def numbers(self) -> list[int]:
        return [each for each in self.came if isinstance(each, int)]

    async def flows(self, seconds: float = BACK_WITHIN) -> None:
        """Wait until what is sent now arrives, and some more; `-rP` shows how long it took."""
        began, now = time.monotonic(), self.sent
        await until(lambda: (self.numbers or [-1])[-1] >= now + 5, seconds)
        logger.warning("it flows after %.2f s", time.monotonic() - began)

    def check(self) -> int:
        """Each message came once at most, in order, and what is missing was told before the next one came.
        How many are missing."""
        numbers = self.numbers
        assert numbers == sorted(set(numbers)), "late, or twice"
        told, missing = False, 0
        expected: int | None = None
        for each in self.came:
            if isinstance(each, Gap):
                told = True
                continue
            if expected is not None and each != expected:
                assert told, f"{expected} to {each - 1} are missing, and nobody was told"
                missing += each - expected
            told, expected = False, each + 1
        return missing


@asynccontextmanager
async def traffic(sending: str, receiving: str) -> AsyncIterator[Traffic]:
    """From a node on one URL to a node on another one."""
    managers = [WebSocketManager(backplane=url) for url in (sending, receiving)]
    traffic = Traffic(*managers)
    await asyncio.gather(*(manager.backplane.start() for manager in managers))
    peer = await add(managers[1], "bob")
    peer.sent = Heard(traffic.came)
    await managers[1].join_room("bob", "numbers")
    task = asyncio.create_task(traffic.run())
    try:
        await traffic.flows()
        yield traffic
    finally:
        task.cancel()
        await asyncio.wait({task})
        await asyncio.gather(*(manager.backplane.stop() for manager in managers))
