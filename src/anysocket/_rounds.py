"""A handler that only sends leaves others a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

SENDS_PER_ROUND = 64
ROUND = 0.05
PAUSE = 0.001
"""So many sends of a connection within so many seconds are followed by a pause, unless its peer was heard
meanwhile. Most servers take at once what is sent to a dead peer: a handler that only sends would be alone in
the process for ever, and the end of its peer never noticed. A real pause, as servers with threads of their
own need the interpreter for it."""


class Rounds:
    """The sends of a connection, counted by who sends. ``heard`` tells how much its peer has sent.
    ``end`` is called after ``SENDS_PER_ROUND`` of them."""

    __slots__ = ("_began", "_heard", "_heard_before", "_loop")

    def __init__(self, heard: Callable[[], int], loop: asyncio.AbstractEventLoop) -> None:
        self._heard = heard
        self._heard_before = 0
        self._loop = loop
        self._began = loop.time()

    async def end(self) -> None:
        """Pause, if there is reason to, and begin the next round."""
        heard = self._heard()
        if heard == self._heard_before and self._loop.time() - self._began < ROUND:
            await asyncio.sleep(PAUSE)
        self._heard_before = heard
        self._began = self._loop.time()
