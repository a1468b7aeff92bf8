"""A bad network, the same in every run: delays, messages that never arrive, a slow peer, a sudden loss.

A wrapper around a transport, so that it is between an app and its peer whatever connects them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anysocket._message import Message
from anysocket._transport import RawHeaders, Transport

Seconds = float | tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """What goes wrong on a connection: the same for every connection with the same ``seed``.

    ``delay``: seconds that each message takes, each way; of a pair, anything in between. A message waits
    for the one before it, so their order is kept. ``drop_to_app`` and ``drop_to_peer``: the share of messages
    that never arrive. ``peer_rate``: how many messages a second the peer reads at most. ``peer_pauses``:
    after every so many messages it reads nothing for so many seconds. ``lose_after``: the connection is lost
    after so many messages, both ways together and dropped ones too; of a pair, anything in between.

    Bad values are a ``ValueError``.
    """

    seed: int = 0
    delay: Seconds = 0.0
    drop_to_app: float = 0.0
    drop_to_peer: float = 0.0
    peer_rate: float | None = None
    peer_pauses: tuple[int, float] | None = None
    lose_after: int | tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _check_range("delay", self.delay, 0, "seconds of 0 or more")
        for name in ("drop_to_app", "drop_to_peer"):
            share = getattr(self, name)
            if not _is_number(share) or not 0 <= share <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, not {share!r}")
        if self.peer_rate is not None and not (_is_number(self.peer_rate) and self.peer_rate > 0):
            raise ValueError(f"peer_rate must be messages per second, more than 0, not {self.peer_rate!r}")
        if self.peer_pauses is not None:
            self._check_pauses(self.peer_pauses)
        if self.lose_after is not None:
            _check_range("lose_after", self.lose_after, 1, "a number of messages, 1 or more", whole=True)

    def _check_pauses(self, pauses: Any) -> None:
        wanted = "a pair: after how many messages, 1 or more, and for how many seconds, 0 or more"
        if not isinstance(pauses, tuple) or len(pauses) != 2:
            raise ValueError(f"peer_pauses must be {wanted}; not {pauses!r}")
        every, seconds = pauses
        if not isinstance(every, int) or every < 1 or not _is_number(seconds) or seconds < 0:
            raise ValueError(f"peer_pauses must be {wanted}; not {pauses!r}")

    def around(self, transport: Transport) -> Transport:
        """The transport of one connection, with this happening to it: for ``app.serve(…)``."""
        return _ChaoticTransport(transport, self)


def _check_range(name: str, value: Any, least: float, wanted: str, *, whole: bool = False) -> None:
    ends: tuple[Any, ...] = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    fits = all(_is_number(end) and (isinstance(end, int) or not whole) for end in ends)
    if not fits or not least <= ends[0] <= ends[1]:
        raise ValueError(f"{name} must be {wanted}, or a pair of them, the lower first; not {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value < float("inf")


class _Way:
    """The fate of the messages in one direction."""

    def __init__(self, chaos: Chaos, direction: str, drop: float) -> None:
        # Of its own, so that it does not depend on what happens the other way at the same time.
        self._random = random.Random(f"{chaos.seed} {direction}")
        self._drop = drop
        low, high = chaos.delay if isinstance(chaos.delay, tuple) else (chaos.delay, chaos.delay)
        self._low, self._high = low, high

    def next(self) -> tuple[bool, float]:
        """Whether the next message arrives, and after how many seconds."""
        # Always two draws, so that another share of drops leaves the delays as they are.
        share, part = self._random.random(), self._random.random()
        return share >= self._drop, self._low + (self._high - self._low) * part


class _Reader:
    """How fast the peer reads what is sent to it."""

    def __init__(self, chaos: Chaos) -> None:
        self._interval = 1 / chaos.peer_rate if chaos.peer_rate else 0.0
        self._every, self._pause = chaos.peer_pauses or (0, 0.0)
        self._read = 0
        self._reads_next = 0.0

    def next(self, now: float) -> float:
        """In how many seconds it reads one more message."""
        reads = max(now, self._reads_next)
        self._read += 1
        paused = self._every > 0 and self._read % self._every == 0
        self._reads_next = reads + self._interval + (self._pause if paused else 0.0)
        return reads - now


class _ChaoticTransport:
    """A transport with chaos in between. What it receives is decoded already."""

    # A cancelled receive would lose what has come and is still delayed.
    cancel_safe = False

    def __init__(self, transport: Transport, chaos: Chaos) -> None:
        self.server = transport.server
        self.capabilities = transport.capabilities
        self.remedy = transport.remedy
        self.scope = transport.scope
        self.linger = transport.linger
        self.failures = (*transport.failures, ConnectionResetError)
        self._transport = transport
        self._to_app = _Way(chaos, "to the app", chaos.drop_to_app)
        self._to_peer = _Way(chaos, "to the peer", chaos.drop_to_peer)
        self._reader = _Reader(chaos)
        self._messages_left = _draw_loss(chaos)
        self._lost = False
        self._released = False
        self._receiving: asyncio.Future[Message] | None = None

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        await self._transport.accept(subprotocol, headers)

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        await self._transport.deny(status, headers, body)

    async def receive(self) -> Message:
        if self._lost:
            raise ConnectionResetError
        self._receiving = asyncio.ensure_future(self._arrival())
        try:
            return await self._receiving
        except asyncio.CancelledError:  # By _lose(): the core cancels none.
            raise ConnectionResetError from None
        finally:
            self._receiving = None

    async def _arrival(self) -> Message:
        while True:
            message = self._transport.decode(await self._transport.receive())
            if message.code is not None:
                return message
            arrives, delay = self._to_app.next()
            await asyncio.sleep(delay)
            self._count()
            if arrives:
                return message
            if self._lost:
                raise ConnectionResetError

    def decode(self, event: Message) -> Message:
        return event

    async def send_text(self, data: str) -> None:
        await self._send(self._transport.send_text, data)

    async def send_bytes(self, data: bytes) -> None:
        await self._send(self._transport.send_bytes, data)

    async def _send(self, send: Callable[[Any], Awaitable[object] | None], data: str | bytes) -> None:
        arrives, delay = self._to_peer.next()
        if arrives:
            delay += self._reader.next(asyncio.get_running_loop().time() + delay)
        if delay:
            await asyncio.sleep(delay)
        if self._lost:
            raise ConnectionResetError
        if arrives and (sending := send(data)) is not None:
            await sending
        self._count()

    async def close(self, code: int, reason: str) -> None:
        if not self._lost:
            await self._transport.close(code, reason)

    def release(self) -> None:
        if not self._released:
            self._released = True
            self._transport.release()

    def _count(self) -> None:
        """One message more has passed, or was dropped: perhaps it was the last."""
        if self._messages_left is not None:
            self._messages_left -= 1
            if self._messages_left == 0:
                self._lose()

    def _lose(self) -> None:
        self._lost = True
        # Cancelled by itself, a receive would not deliver the message that was the last.
        receiving = self._receiving
        if receiving is not None and receiving is not asyncio.current_task():
            receiving.cancel()
        self.release()


def _draw_loss(chaos: Chaos) -> int | None:
    if isinstance(chaos.lose_after, tuple):
        return random.Random(f"{chaos.seed} loss").randint(*chaos.lose_after)
    return chaos.lose_after
