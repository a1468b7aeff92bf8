"""An ASGI app's lifespan (ASGI "Lifespan" 2.0) in a worker of an RSGI server."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NoReturn

from anysocket_rsgi._asgi_scope import ASGIApp, ASGIMessage
from anysocket_rsgi._errors import NoLifespan

logger = logging.getLogger("anysocket")

GRACE = 1.0
"""Seconds for the app to return after its last message."""

Answer = asyncio.Future[str | None]
"""What the app says of its start or its end: None, or what failed."""


class LifespanError(Exception):
    """The app says that its start-up or its shutdown failed; the cause is what it raised, if it did."""


class ASGILifespan:
    """Calls the app once, in one task from start to end, so that the task groups and cancel scopes that it
    opens are closed by the task that opened them. (RSGI calls from outside any task.)

    ``state`` is what the app sets up, for each request to copy.
    """

    def __init__(self, asgi_app: ASGIApp) -> None:
        self.state: dict[str, Any] = {}
        self._app = asgi_app
        self._task: asyncio.Task[None] | None = None
        self._told_to_start = False

    async def start(self) -> None:
        """Start the app up. Raises :class:`LifespanError` if it says that this failed, :class:`NoLifespan` if
        it raises without a word. One that returns without a word does not support the protocol either."""
        loop = asyncio.get_running_loop()
        # Not only once: TestClient runs a lifespan each time it is entered.
        self._told_to_start = False
        self.state.clear()
        self._started: Answer = loop.create_future()
        self._stopped: Answer = loop.create_future()
        self._told_to_stop = asyncio.Event()
        task = loop.create_task(self._run())
        await _first(task, self._started)
        if not self._started.done():
            error = task.exception()
            if error is not None:
                raise NoLifespan(was_told=self._told_to_start) from error
            logger.debug("the ASGI app returned from its lifespan at once: served without")
        elif (failure := self._started.result()) is not None:
            await _fail(task, failure)
        else:
            self._task = task
            task.add_done_callback(self._log_early_end)

    async def stop(self) -> None:
        """Shut the app down. Raises what the app raised, or else :class:`LifespanError` if it says that this
        failed."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        task.remove_done_callback(self._log_early_end)
        self._told_to_stop.set()
        await _first(task, self._stopped)
        error = await _end(task)
        if error is not None:
            raise error
        failure = self._stopped.result() if self._stopped.done() else None
        if failure is not None:
            raise LifespanError(failure)

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> ASGIMessage:
        if not self._told_to_start:
            self._told_to_start = True
            return {"type": "lifespan.startup"}
        await self._told_to_stop.wait()
        self._told_to_stop.clear()  # Told once: who asks again waits.
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: ASGIMessage) -> None:
        phase, _, outcome = message["type"].removeprefix("lifespan.").partition(".")
        answer = {"startup": self._started, "shutdown": self._stopped}.get(phase)
        if answer is None or answer.done() or outcome not in ("complete", "failed"):
            raise RuntimeError(f"ASGI message {message['type']!r} does not fit the lifespan's state")
        answer.set_result(None if outcome == "complete" else str(message.get("message", "")))

    def _log_early_end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("the ASGI app's lifespan ended while it is being served", exc_info=error)


async def _first(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


async def _fail(task: asyncio.Task[None], message: str) -> NoReturn:
    raise LifespanError(message) from await _end(task)


async def _end(task: asyncio.Task[None]) -> BaseException | None:
    """See the task to its end, and return what it raised."""
    await asyncio.wait({task}, timeout=GRACE)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE)
    return task.exception() if task.done() and not task.cancelled() else None
