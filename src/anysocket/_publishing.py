"""What is to be published, on its way to the backplane."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

MAX_MESSAGES = 4096
MAX_BYTES = 16 << 20
"""How much may wait to be published."""
BATCH = 128
BATCH_BYTES = 1 << 20
"""How much is handed over at a time."""
PUBLISH_TIMEOUT = 2.0
"""Seconds that handing over may take, and that a publisher waits for room."""

Entry = tuple[str, bytes]
Publish = Callable[[Sequence[Entry]], Awaitable[None]]


class PublishQueue:
    """First in, first out, and bounded: who finds no room waits, in line.

    What fails to be handed over is not tried again, as it may have arrived.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._line: deque[tuple[Entry, asyncio.Future[None]]] = deque()
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.published = 0

    def __len__(self) -> int:
        return len(self._entries) + len(self._line)

    def put(self, topic: str, data: bytes) -> asyncio.Future[None] | None:
        """Take a message; or give a future, which is done when the message was taken. Cancelling it gives the
        place up."""
        entry = topic, data
        self._idle.clear()
        self._news.set()
        if not self._line and self._has_room(entry):
            self._take(entry)
            return None
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((entry, taken))
        return taken

    def refuse_line(self, refusal: Callable[[], Exception]) -> None:
        """Let nobody wait for room any more: each gets an exception. What was taken is kept."""
        while self._line:
            _, taken = self._line.popleft()
            if not taken.done():
                taken.set_exception(refusal())
                taken.exception()  # Who was cancelled does not look at it.

    async def run(self, publish: Publish) -> None:
        """Hand everything over, for ever. Raises what goes wrong; ``TimeoutError`` if it takes too long."""
        while True:
            await self._news.wait()
            while self._entries or self._line:
                batch = self._next_batch()
                async with asyncio.timeout(PUBLISH_TIMEOUT):
                    await publish(batch)
                self.published += len(batch)
                await asyncio.sleep(0)  # A backplane that never waits must not keep the loop for itself.
            self._news.clear()
            self._idle.set()

    async def flush(self) -> None:
        """Wait until everything is handed over, while it runs."""
        await self._idle.wait()

    def _has_room(self, entry: Entry) -> bool:
        fits = len(self._entries) < MAX_MESSAGES and self._bytes + len(entry[1]) <= MAX_BYTES
        return fits or not self._entries

    def _take(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._bytes += len(entry[1])

    def _next_batch(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._entries and len(batch) < BATCH and size < BATCH_BYTES:
            entry = self._entries.popleft()
            size += len(entry[1])
            batch.append(entry)
        self._bytes -= size
        while self._line and (self._line[0][1].done() or self._has_room(self._line[0][0])):
            entry, taken = self._line.popleft()
            if not taken.done():
                self._take(entry)
                taken.set_result(None)
        return batch
