"""Two bounded queues in place of a socket."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")

CAPACITY = 64
"""How many messages may be on their way in one direction before the sender is held back."""


class Channel(Generic[Item]):
    """One direction: ``put`` waits while the channel is full, ``get`` while it is empty. A cancelled call
    moves nothing. ``end`` puts a last item that is read after all others and never waits."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._changed = asyncio.Event()
        self.ended = False

    async def put(self, item: Item) -> None:
        """Raises ``BrokenPipeError`` after the end."""
        while len(self._items) >= self._capacity and not self.ended:
            await self._wait()
        if self.ended:
            raise BrokenPipeError("the connection is over")
        self._items.append(item)
        self._changed.set()

    def end(self, item: Item) -> None:
        if not self.ended:
            self._items.append(item)
            self.ended = True
            self._changed.set()

    async def get(self) -> Item:
        while not self._items:
            await self._wait()
        item = self._items.popleft()
        self._changed.set()
        return item

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
