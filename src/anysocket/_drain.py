"""The end of a server: every connection is told and flushed, every handler unwinds (contract section 7).

Nothing tells a handler that sleeps for ever from one that saves its work, so every handler has half of the
time to end by itself before it is cancelled. What is left at the end is cut: a peer that reads nothing, and a
handler that swallows its cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from asyncio import CancelledError
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any

from anysocket._errors import ConnectionClosed
from anysocket._handshake import refuse_now
from anysocket._log_fields import log_fields
from anysocket._state import State
from anysocket._transport import Abortable
from anysocket._websocket import LOST, WebSocket

logger = logging.getLogger("anysocket")

GOING_AWAY, REASON = 1001, "server shutting down"
BATCH = 100
PAUSE = 0.1
"""So many connections are closed at a time, and about so many seconds lie between: clients that are closed
all at once come back all at once, to whoever serves them next."""
AFTER = 1.0
"""Seconds of the time, or a quarter of it, that are left to the lifespan and to the server itself."""
SPREAD = 0.25
UNWIND = 0.5
FLUSH = 0.85
"""Shares of what is before: until then all are closed at the latest; then handlers are cancelled; then
connections are cut. At the end handlers are left behind."""
SETTLE = 0.1
"""Seconds for them to be gone."""
LINGER = 2.0
"""Seconds that a connection waits for the peer's answer to the close, on every server: what is on its way
through the server's buffers must have arrived before the process ends."""
HASTE = 1.0
"""Seconds that are left to a drain that is to hasten."""


class Live:
    """A connection while its handler runs: a context manager around ``await coroutine``, which is the
    handler with all that belongs to it.

    ``websocket`` is None where the core knows nothing of the connection, which is a mounted app's. Then the
    handler is cancelled in the place of the close; or, where ``left``, when the time is over, as the server
    has its own way to end it.
    """

    __slots__ = ("_drain", "abandoned", "cancelled", "coroutine", "left", "name", "task", "websocket")

    def __init__(
        self, drain: Drain, name: str, websocket: WebSocket | None = None, *, left: bool = False
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._drain = drain
        self.websocket = websocket
        self.name = name
        self.left = left
        self.coroutine: Coroutine[Any, Any, object] | None = None
        self.task: asyncio.Task[Any] = task
        self.cancelled = 0
        self.abandoned = False

    def around(self, coroutine: Coroutine[Any, Any, object]) -> Live:
        """Before ``with``: what is awaited there."""
        self.coroutine = coroutine
        return self

    def set_websocket(self, websocket: WebSocket) -> None:
        """The connection, where it is known only later."""
        self.websocket = websocket

    def __enter__(self) -> None:
        self._drain.add(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        self._drain.discard(self)
        for _cancellation in range(self.cancelled):
            self.task.uncancel()
        if self.abandoned:
            return True  # The error says no more than that.
        # Ours is no cancellation to the server, as the connection has ended in order.
        return self.cancelled > 0 and isinstance(error, CancelledError) and not self.task.cancelling()

    def tell(self) -> bool:
        """Close it, or refuse it; False while the answer to its handshake is on the way: try again."""
        websocket = self.websocket
        if websocket is None:
            self.cancel()
            return True
        websocket._linger = max(websocket._linger, LINGER)
        if websocket._state is State.CONNECTING:
            refuse_now(websocket, 503, "draining", ConnectionClosed(GOING_AWAY, REASON, "us"))
        elif websocket._state is State.OPEN:
            websocket._begin_close(GOING_AWAY, REASON)
        return websocket._state is not State.ACCEPTING

    def cancel(self) -> None:
        """Cancel the handler."""
        self.cancelled += 1
        self.task.cancel()

    def cut(self) -> None:
        """End the connection, whatever is not sent yet."""
        if self.websocket is not None:
            self.websocket._lost(LOST)
            if self.websocket._closer is not None:
                self.websocket._closer.cancel()

    def abandon(self) -> None:
        """End the handler, if it runs on, as the interpreter ends what nobody needs: its ``finally`` runs,
        but may not await any more. The server's part of the task goes on, or it would never end."""
        if self not in self._drain.live or self.coroutine is None:
            return
        self.abandoned = True
        try:
            self.coroutine.close()
        except (Exception, CancelledError, SystemExit):  # Nor does it end the server, or keep the others.
            extra = log_fields(self.websocket) if self.websocket else None
            logger.exception("handler %s failed as it was left behind", self.name, extra=extra)
        self.cancel()


class Drain:
    """The live connections of an app, and their common end.

    ``timeout``: seconds that the end takes at most; ``delay``: how many of them pass between "not ready" and
    the first close. Belongs to one event loop, but for ``add`` and ``discard``, as Starlette's TestClient may
    have a loop for each connection.
    """

    def __init__(self, timeout: float, delay: float) -> None:
        check_seconds("drain_timeout", timeout)
        if not 0 <= delay < timeout / 2:
            raise ValueError(
                f"drain_delay must be less than half of drain_timeout={timeout!r}, not {delay!r}"
            )
        self.timeout = timeout
        self.delay = delay
        self.live: set[Live] = set()
        self.reset()

    def reset(self) -> None:
        """Begin anew: the app is ready."""
        self.ready = True
        self.accepting = True
        self.has_cut = False
        self._running: asyncio.Task[None] | None = None
        self._begin = self._end = self._after = 0.0
        self._waiting: set[Live] | None = None
        """What the end waits for, once it has begun to close."""
        self._news = asyncio.Event()

    def add(self, live: Live) -> None:
        """A handler begins."""
        self.live.add(live)

    def discard(self, live: Live) -> None:
        """A handler has ended, and its connection, too."""
        self.live.discard(live)
        if self._waiting is not None and live in self._waiting:
            self._waiting.discard(live)
            if not self._waiting:
                self._news.set()

    @property
    def left(self) -> float:
        """Seconds for what follows the connections."""
        return max(self._end + self._after - asyncio.get_running_loop().time(), self._after)

    async def run(self, timeout: float | None = None, delay: float | None = None) -> None:
        """Close everything and wait for the handlers, ``timeout`` seconds at most, ``delay`` included.

        The task that calls counts itself out. Called again it waits for the same end, which a ``timeout``
        hastens. Cancelling the call leaves the end under way.
        """
        if self._running is None:
            loop = asyncio.get_running_loop()
            seconds = self.timeout if timeout is None else timeout
            self._after = min(AFTER, seconds / 4)
            self._begin = loop.time() + min(self.delay if delay is None else delay, seconds / 2)
            self._end = loop.time() + seconds - self._after
            self.ready = False
            self._running = loop.create_task(self._drain(asyncio.current_task()))
        elif timeout is not None:
            self.hasten(timeout)
        await asyncio.shield(self._running)

    def hasten(self, seconds: float = HASTE) -> None:
        """Let an end that is under way be over in ``seconds``: handlers that still run are cancelled now."""
        now = asyncio.get_running_loop().time()
        if now + seconds < self._end:
            self._begin, self._end = now - seconds, now + seconds
            self._news.set()

    async def _drain(self, caller: asyncio.Task[Any] | None) -> None:
        loop = asyncio.get_running_loop()
        await self._until(lambda: self._begin)
        self.accepting = False
        others = {live for live in tuple(self.live) if live.task is not caller}
        ours = {live for live in others if live.task.get_loop() is loop}
        self._waiting = {live for live in ours if not live.left}
        # Where nothing is open there is nothing to tell.
        level = logging.INFO if self._waiting else logging.DEBUG - 1
        seconds = self._end - loop.time()
        logger.log(level, "closing %d WebSockets, in %.1f s at most", len(self._waiting), seconds)
        await self._tell_all(self._waiting)
        await self._until(lambda: self._moment(UNWIND))
        self._cancel()
        await self._until(lambda: self._moment(FLUSH))
        self._cut()
        await self._until(lambda: self._end)
        self._abandon()
        await self._until(lambda: self._end + SETTLE)
        loop.call_at(self._end, _end_rest, ours)
        logger.log(level, "%d of them have not ended", len(self._waiting))

    async def _tell_all(self, waiting: set[Live]) -> None:
        """In batches, with pauses that differ."""
        untold = deque(waiting)
        loop = asyncio.get_running_loop()
        pause = min(PAUSE, SPREAD * (self._end - self._begin) * BATCH / max(len(untold), 1))
        while untold:
            # A process that stood still meanwhile, or is slow, tells all that are left, too.
            late = loop.time() >= self._moment(UNWIND)
            for _ in range(len(untold) if late else min(BATCH, len(untold))):
                live = untold.popleft()
                if live in waiting and not live.tell():
                    untold.append(live)
            if late or not untold:
                return
            rest = min(random.uniform(0, 2 * pause), self._moment(SPREAD) - loop.time())
            await asyncio.sleep(max(rest, 0.001))

    def _cancel(self) -> None:
        running = [live for live in self._waiting or () if live.websocket and not live.websocket._handled]
        if running:
            logger.info("%d handlers have not ended by themselves: cancelled", len(running))
        for live in running:
            live.cancel()

    def _cut(self) -> None:
        if self._waiting:
            self.has_cut = True
            logger.warning("%d connections have not ended in time: cut", len(self._waiting))
        for live in tuple(self._waiting or ()):
            live.cut()

    def _abandon(self) -> None:
        if self._waiting:
            names = Counter(live.name for live in self._waiting)
            logger.error(
                "drain_timeout is over: handlers that go on though they were cancelled are left behind: %s",
                ", ".join(f"{name} ({count})" for name, count in names.items()),
            )
            for live in tuple(self._waiting):
                live.abandon()

    def _moment(self, share: float) -> float:
        return self._begin + share * (self._end - self._begin)

    async def _until(self, moment: Callable[[], float]) -> None:
        """Until then, which comes nearer when the end is hastened, or until there is nothing to wait for."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # However late it is, what was begun before this gets its turn.
        while (self._waiting is None or self._waiting) and loop.time() < moment():
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(moment()):
                    await self._news.wait()


def _end_rest(lives: Iterable[Live]) -> None:
    """What a server has not written by now, it has to give up, and what has been left to it, too: there are
    servers that would wait without limit."""
    for live in lives:
        if live.websocket is not None and isinstance(live.websocket._transport, Abortable):
            live.websocket._transport.abort()
        elif live.left:
            live.cancel()
            asyncio.get_running_loop().call_later(SETTLE, live.abandon)


def check_seconds(name: str, value: float) -> None:
    """``ValueError`` if it is no number of seconds to wait."""
    if not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")
