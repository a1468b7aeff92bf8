"""A connection between its handshake and the end of its handler, within the limits."""

from __future__ import annotations

import asyncio
import logging
import math
from asyncio import CancelledError
from types import TracebackType

from anysocket._errors import ConnectionClosed, LimitExceeded
from anysocket._handshake import refuse_now
from anysocket._limits import ACCEPT_TIMEOUT, Gate, refusal_status
from anysocket._log_fields import log_fields
from anysocket._pace import keep_pace
from anysocket._state import State
from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")


class Admission:
    """A context manager around the handler. It raises :class:`LimitExceeded` if there is no place; it cancels
    a handler that leaves the handshake without an answer, and takes this cancellation back."""

    __slots__ = ("_expired", "_gate", "_seconds", "_task", "_timer", "_websocket")

    def __init__(self, gate: Gate, websocket: WebSocket) -> None:
        self._gate = gate
        self._websocket = websocket
        self._seconds = gate.limits.accept_timeout or ACCEPT_TIMEOUT
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._expired = False

    def __enter__(self) -> None:
        self._gate.enter(self._websocket.id, self._websocket)
        keep_pace(self._websocket, self._gate.limits)
        if self._seconds < math.inf:
            self._task = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        self._gate.leave(self._websocket.id)
        if self._timer is not None:
            self._timer.cancel()
        if not self._expired or self._task is None:
            return False
        # Ours is no cancellation to the server, as the connection was refused in order.
        return self._task.uncancel() == 0 and isinstance(error, CancelledError)

    def _expire(self) -> None:
        websocket = self._websocket
        if websocket._state is State.CONNECTING and self._task is not None:
            exceeded = LimitExceeded("accept_timeout", self._seconds)
            logger.warning(
                "the handler of %r has not answered the handshake: %s: refused and cancelled",
                websocket.scope.path,
                exceeded,
                extra=log_fields(websocket),
            )
            closed = ConnectionClosed(1006, exceeded.limit, "us")
            refuse_now(websocket, refusal_status(exceeded.limit), exceeded.limit, closed, exceeded.limit)
            self._expired = True
            self._task.cancel()
