"""Pings as text messages, where the server sends none of its own (RFC 6455 section 5.5.2)."""

from __future__ import annotations

import asyncio
import functools
import logging
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed
from anysocket._intake import TAKEN, Intake, Receiving
from anysocket._log_fields import log_fields

if TYPE_CHECKING:
    from anysocket._message import Message
    from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Asks each peer whether it is there, with the text ``ping`` that the client answers with ``pong``.

    For servers without pings of their own: where ``Capability.PING`` says that there are some, nothing is
    sent. The client must know of it, as a browser answers no text by itself. Its answers reach no handler; a
    peer that is silent for ``timeout`` seconds after a ping, answer or message, is lost (1006). The time
    that an answer takes is ``websocket.statistics.round_trip``.

    ``interval``: seconds from an answer to the next ping. Raises ``ValueError`` for what is no positive
    number of seconds and for a text that is empty.
    """

    interval: float = 20.0
    timeout: float = 20.0
    ping: str = "ping"
    pong: str = "pong"

    def __post_init__(self) -> None:
        for name in ("interval", "timeout"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
                raise ValueError(f"{name} must be a positive number of seconds, not {seconds!r}")
        for name in ("ping", "pong"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text:
                raise ValueError(f"{name} must be a non-empty str, not {text!r}")


def keep_alive(websocket: WebSocket, heartbeat: Heartbeat) -> None:
    """Let a connection that is not accepted yet have a heartbeat, unless its server sees to that."""
    if Capability.PING in websocket.capabilities:
        _leave_to(websocket._transport.server)
    else:
        websocket._inbox.receive_through(lambda inner: Pulse(inner, websocket, heartbeat))


@functools.cache
def _leave_to(server: str) -> None:
    """Told once."""
    logger.info("%s pings its peers by itself: the heartbeat is left to it", server)


class Pulse(Intake):
    """The heartbeat of one connection: one ping at a time, and no task but while it is being sent."""

    __slots__ = ("_awaits_answer", "_heartbeat", "_pinged_at", "_sending", "_timer", "_websocket")

    def __init__(self, inner: Receiving, websocket: WebSocket, heartbeat: Heartbeat) -> None:
        super().__init__(inner)
        self._websocket = websocket
        self._heartbeat = heartbeat
        self._awaits_answer = False
        self._pinged_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None
        websocket._notify_end(self._stop)

    def _begin(self, now: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._heartbeat.interval, self._ping)

    def _ping(self) -> None:
        loop = asyncio.get_running_loop()
        self._awaits_answer = True
        self._pinged_at = monotonic()
        self._sending = loop.create_task(self._send())
        # From now on, not from when it is sent: a peer that takes nothing at all is lost, too.
        self._timer = loop.call_later(self._heartbeat.timeout, self._look)

    async def _send(self) -> None:
        try:
            await self._websocket.send_text(self._heartbeat.ping)
        except ConnectionClosed:
            return
        except Exception as error:
            self._websocket._lost(error)
        self._pinged_at = monotonic()

    def _arrived(self, message: Message, now: float) -> Message:
        super()._arrived(message, now)
        if not self._awaits_answer or message.type != "text" or message.data != self._heartbeat.pong:
            return message
        self._awaits_answer = False
        self._websocket._round_trip = now - self._pinged_at
        self._stop(self._websocket)
        self._begin(now)
        return TAKEN

    def _look(self) -> None:
        """Is the peer still silent? The time in which we have not listened is given to it."""
        left = self._heartbeat.timeout - min(self.silence, monotonic() - self._pinged_at)
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._look)
        else:
            fields = log_fields(self._websocket)
            logger.info("%s does not answer its heartbeat: lost", self._websocket, extra=fields)
            self._websocket._give_up()

    def _stop(self, _: WebSocket) -> None:
        if self._timer is not None:
            self._timer.cancel()
