"""What we send, in the order in which it was called for.

A connection has one writer at a time: the next message is handed to the server when it has taken the
one before. Servers with several threads reorder sends that are started together (Granian's runtime
mode ``mt``); here they never are. A lone send goes straight to the server, with nothing in between.

Some servers begin a send at the call and give a future of their own for it (Granian). It holds the pen, and
who wants the pen next looks whether it is done; only if not does it call us back, a trip through the loop.
A sender waits for its own if a receive is in flight: in the server's threads that may meet the peer's close
before the message is written, which then never is.
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Callable, Hashable
from types import CoroutineType
from typing import Any

from anysocket._backlog import Backlog, Post
from anysocket._begun import Call, Steps, failure_of, finish, forget_frames, steps_of
from anysocket._errors import ConnectionClosed, WebSocketStateError
from anysocket._policy import OutboxPolicy
from anysocket._rounds import SENDS_PER_ROUND, Rounds
from anysocket._transport import Transport


class Outbox:
    """First in, first out, for senders that wait (``send``) and for those that do not (``post``).

    ``on_failure`` hears of the transport's ``failures``, which mean that the connection is over, and of
    anything that goes wrong with a post, and ends the outbox; ``on_overfull`` of a post without room that
    may not be dropped. ``heard`` tells how many messages came, ``is_receiving`` if more may now.
    """

    __slots__ = (
        "_busy",
        "_callback",
        "_end",
        "_interrupting",
        "_is_receiving",
        "_last",
        "_loop",
        "_on_failure",
        "_on_overfull",
        "_open",
        "_round_end",
        "_rounds",
        "_transport",
        "_under_way",
        "_waiting_for_room",
        "backlog",
        "bytes_sent",
        "posts",
        "sends",
    )

    def __init__(
        self,
        transport: Transport,
        heard: Callable[[], int],
        is_receiving: Callable[[], bool],
        *,
        on_failure: Callable[[BaseException], None],
        on_overfull: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._is_receiving = is_receiving
        self._on_failure = on_failure
        self._on_overfull = on_overfull
        self._loop = asyncio.get_running_loop()
        self._open = False
        self._end: ConnectionClosed | None = None
        self._busy = False  # Whether somebody holds the pen.
        self.backlog = Backlog()
        self.sends = self.posts = self.bytes_sent = 0  # What the server has got.
        self._waiting_for_room: asyncio.Future[None] | None = None
        self._rounds = Rounds(heard, self._loop)
        self._round_end = SENDS_PER_ROUND
        self._under_way: asyncio.Task[Any] | None = None  # Waits until the server has taken a message.
        self._last: Any = None  # The server's future of the last message, while it holds the pen;
        self._callback: Call | None = None  # and what that calls, if anything.
        self._interrupting = False

    def open(self) -> None:
        """From now on messages may be sent."""
        self._open = True

    def end(self, closed: ConnectionClosed, *, drop_posts: bool) -> None:
        """From now on senders get ``closed``. What was posted is still sent unless it is dropped; those who
        wait for their turn get it, and find the end."""
        self._open = False
        self._end = closed
        if drop_posts:
            self.backlog.drop_posts()
        self.wake_for_room()

    def abandon(self) -> None:
        """The connection is over: give up what the server has not taken. Who waits for that gets the end."""
        self.backlog.drop_posts()
        last, callback = self._last, self._callback
        if last is not None:
            self._last = self._callback = None
            if callback is not None:
                callback.function = None
            last.cancel()
            self.release()
        elif self._under_way is not None and self._under_way is not current_task():
            self._interrupting = True
            self._under_way.cancel()

    async def send(self, data: str | bytes, size: int) -> None:  # noqa: C901 - one frame per message
        """Send ``size`` bytes when the server has taken all that was called for earlier; returns when this
        message is with it, too. Cancelled before its turn, it is not sent."""
        if not self._open:
            raise self._refusal()
        if self._busy:
            if not self._is_done():
                await self.turn()
            if not self._open:  # It ended while this message waited.
                self.release()
                raise self._refusal()
        self._busy = True
        self.sends = sends = self.sends + 1
        self.bytes_sent += size
        transport = self._transport
        try:
            sending: Any = transport.send_text(data) if isinstance(data, str) else transport.send_bytes(data)
            if sending is None:
                pass
            elif type(sending) is not CoroutineType and hasattr(sending, "add_done_callback"):
                self._last = sending
            else:
                self._under_way = current_task()
                await sending
        except transport.failures as error:
            self._on_failure(error)
            raise self._refusal() from None
        except asyncio.CancelledError:
            if self._interrupting and self._under_way is not None and self._under_way.uncancel() == 0:
                raise self._refusal() from None  # It was abandon()'s alone: none to this task.
            raise
        finally:
            self._under_way = None
            if self.backlog.entries:
                self.release()
            elif self._last is None:
                self._busy = False
        if self._last is not None and self._last is sending and self._is_receiving():
            await self._taken(sending)
        if sends >= self._round_end:  # Above it if the one that would have ended the round failed.
            self._round_end = sends + SENDS_PER_ROUND
            await self._rounds.end()

    async def _taken(self, sending: Any) -> None:
        """Wait for the future that a server gave for a message; cancelled, that is sent all the same."""
        await self.turn()
        self.release()
        if (error := failure_of(sending)) is not None:
            forget_frames(error)
            raise self._refusal()

    def post(self, data: str | bytes, size: int, policy: OutboxPolicy, key: Hashable = None) -> bool:
        """Send ``size`` bytes when the turn comes, without waiting for it; False if they were dropped. The
        ``policy`` says what happens when too much waits already; of those that wait, a post with a ``key``
        replaces the one with the same."""
        if self._busy and not self._is_done():
            return self._open and self._add(data, size, policy, key)
        if not self._open:
            return False
        self._busy = True
        if self._write(data, size):
            if self.backlog.entries:
                self.release()
            else:
                self._busy = False
        return self._open  # Taking this message may have been the end.

    def _add(self, data: str | bytes, size: int, policy: OutboxPolicy, key: Hashable) -> bool:
        """Have a post wait for its turn; False if it was dropped."""
        if not self.backlog.add(data, size, policy, key):
            if policy not in ("drop_oldest", "drop_newest"):
                self.backlog.drop_posts()
                self._on_overfull()
            return False
        self._ask_back()
        return True

    def has_room(self, size: int) -> bool:
        """Whether a post of ``size`` bytes is taken now, and nobody waits for room already; or never, as the
        connection is over."""
        if not self._open:
            return True
        return self._waiting_for_room is None and (not self._busy or self.backlog.fits(size))

    async def room(self) -> None:
        """Wait until half of what may wait is gone, or the connection is over. May be cancelled."""
        if self._waiting_for_room is None:
            self._waiting_for_room = self._loop.create_future()
        await asyncio.shield(self._waiting_for_room)

    def wake_for_room(self) -> None:
        """Let those who wait for room look again: there is some, or they need none here any more."""
        waiting, self._waiting_for_room = self._waiting_for_room, None
        if waiting is not None:
            waiting.set_result(None)

    def _refusal(self) -> Exception:
        if self._end is not None:
            return self._end.again()
        return WebSocketStateError("sending is not possible yet: call accept() first")

    async def turn(self) -> None:
        """Wait until everything called for earlier is with the server, and hold the pen until ``release``;
        cancelled, give the place up."""
        if not self._busy or self._is_done():
            self._busy = True
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self.backlog.add_turn(turn)
        self._ask_back()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """The holder of the pen is done, unless it is the server: the next one's turn."""
        backlog = self.backlog
        while backlog.entries:
            if self._last is not None:
                self._ask_back()
                return
            entry = backlog.pop()
            if isinstance(entry, Post):
                if self._waiting_for_room is not None and backlog.is_low:
                    self.wake_for_room()
                if not self._write(entry.data, entry.size) and self._last is None:
                    return
            elif not entry.done():
                entry.set_result(None)
                return
        self._busy = self._last is not None

    def _write(self, data: str | bytes, size: int) -> bool:
        """Hand one message to the server; False if that holds the pen from now on."""
        self.posts += 1
        self.bytes_sent += size
        transport = self._transport
        try:
            sending: Any = transport.send_text(data) if isinstance(data, str) else transport.send_bytes(data)
            if sending is None:
                return True
            if type(sending) is CoroutineType:
                steps: Steps = sending
            elif hasattr(sending, "add_done_callback"):
                self._last = sending
                return False
            else:
                steps = steps_of(sending)
            future = steps.send(None)
        except StopIteration:
            return True
        except Exception as error:
            self._on_failure(error)
            return True
        # The server makes us wait (backpressure): only now is a task worth its price.
        self._under_way = self._loop.create_task(finish(steps, future))
        self._under_way.add_done_callback(self._written)
        return False

    def _is_done(self) -> bool:
        """Whether the pen is free after all, as the server has taken the last message meanwhile."""
        last = self._last
        if last is None or self._callback is not None or not last.done():
            return False
        self._last = None
        self._busy = False
        if (error := failure_of(last)) is not None:
            self._failed(error)
        return True

    def _ask_back(self) -> None:
        """Somebody waits: if a future of the server's holds the pen, it is to call."""
        if self._last is not None and self._callback is None:
            self._callback = Call(self._written)
            self._last.add_done_callback(self._callback)

    def _written(self, sending: Any) -> None:
        self._under_way = self._last = self._callback = None
        if (error := failure_of(sending)) is not None:
            self._failed(error)
        self.release()

    def _failed(self, error: BaseException) -> None:
        self._on_failure(error)
        forget_frames(error)
