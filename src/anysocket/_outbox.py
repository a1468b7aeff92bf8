"""What we send, in the order in which it was called for.

A connection has one writer at a time: the next message is handed to the server when it has taken the
one before. Servers with several threads reorder sends that are started together (Granian's runtime
mode ``mt``); here they never are. A lone send goes straight to the server, with nothing in between.
"""

from __future__ import annotations

import asyncio
from asyncio import current_task
from collections.abc import Callable, Hashable
from typing import Any

from anysocket._backlog import Backlog, Post, Send
from anysocket._begun import finish, steps_of
from anysocket._errors import ConnectionClosed, WebSocketStateError
from anysocket._going_on import GoingOn
from anysocket._policy import OutboxPolicy

SENDS_PER_ROUND = 64
ROUND = 0.05
PAUSE = 0.001
"""So many sends of a connection within so many seconds are followed by a pause. Most servers take at once
what is sent to a dead peer: a handler that only sends would be alone in the process for ever, and the end
of its peer never noticed. A real pause, as servers with threads of their own need the interpreter for it."""


class Outbox:
    """First in, first out, for senders that wait (``send``) and for those that do not (``post``).

    ``failures`` are the transport's exceptions that mean the connection is over; ``on_failure`` hears of
    one, and of anything that goes wrong with a post, and ends the outbox. ``on_overfull`` hears when a post
    that may not be dropped has no room.
    """

    __slots__ = (
        "_busy",
        "_callback",
        "_end",
        "_failures",
        "_interrupting",
        "_loop",
        "_on_failure",
        "_on_overfull",
        "_open",
        "_round_began",
        "_sends_in_round",
        "_under_way",
        "_waiting_for_room",
        "backlog",
        "bytes_sent",
        "messages_sent",
    )

    def __init__(
        self,
        failures: tuple[type[BaseException], ...],
        *,
        on_failure: Callable[[BaseException], None],
        on_overfull: Callable[[], None],
    ) -> None:
        self._failures = failures
        self._on_failure = on_failure
        self._on_overfull = on_overfull
        self._loop = asyncio.get_running_loop()
        self._open = False
        self._end: ConnectionClosed | None = None
        self._busy = False  # Whether somebody holds the pen.
        self.backlog = Backlog()
        self.messages_sent = 0
        self.bytes_sent = 0
        self._waiting_for_room: asyncio.Future[None] | None = None
        self._sends_in_round = 0
        self._round_began = self._loop.time()
        # What the server has not taken yet: the task that waits for it, or a future of the server's own.
        self._under_way: Any = None
        self._callback: _Written | None = None
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
        under_way, callback = self._under_way, self._callback
        if callback is not None:
            callback.outbox = self._callback = self._under_way = None
            under_way.cancel()
            self.release()
        elif under_way not in (None, current_task()):
            self._interrupting = True
            under_way.cancel()

    async def send(self, send: Send, data: str | bytes, size: int) -> None:  # noqa: C901 - one frame per message
        """Send ``size`` bytes when all that was called for earlier is with the server; returns when they are.

        Cancelled before its turn, the message is not sent.
        """
        if not self._open:
            raise self._refusal()
        if self._busy:
            await self.turn()
            if not self._open:  # It ended while this message waited.
                self.release()
                raise self._refusal()
        self._busy = True
        self._under_way = current_task()
        self.messages_sent += 1
        self.bytes_sent += size
        sending: Any = None
        try:
            sending = send(data)
            if hasattr(sending, "add_done_callback"):  # A future of the server's own.
                sending = GoingOn(sending)
            await sending
        except self._failures as error:
            self._on_failure(error)
            raise self._refusal() from None
        except asyncio.CancelledError:
            if isinstance(sending, GoingOn):
                self._leave(sending)
            if self._interrupted():
                raise self._refusal() from None
            raise
        finally:
            if self._callback is not None:  # The send goes on, and holds the pen until it is done.
                self._under_way = sending.future
            else:
                self._under_way = None
                if self.backlog.entries:
                    self.release()
                else:
                    self._busy = False
        self._sends_in_round += 1
        if self._sends_in_round == SENDS_PER_ROUND:
            await self._end_round()

    def _interrupted(self) -> bool:
        """Whether a cancellation was abandon()'s alone: then it is none to the sender's task."""
        return self._interrupting and self._under_way is not None and self._under_way.uncancel() == 0

    def _leave(self, sending: GoingOn) -> None:
        """Its sender was cancelled: the send goes on by itself, unless the connection is over."""
        if self._interrupting:
            sending.give_up()
        elif sending.future is not None:
            self._callback = sending.afterwards = _Written(self)

    async def _end_round(self) -> None:
        self._sends_in_round = 0
        if self._loop.time() - self._round_began < ROUND:
            await asyncio.sleep(PAUSE)
        self._round_began = self._loop.time()

    def post(
        self, send: Send, data: str | bytes, size: int, policy: OutboxPolicy, key: Hashable = None
    ) -> bool:
        """Send ``size`` bytes when the turn comes, without waiting for it; False if they were dropped. The
        ``policy`` says what happens when too much waits already; of those that wait, a post with a ``key``
        replaces the one with the same."""
        if not self._open:
            return False
        if self._busy:
            if not self.backlog.add(send, data, size, policy, key):
                if policy not in ("drop_oldest", "drop_newest"):
                    self.backlog.drop_posts()
                    self._on_overfull()
                return False
            return True
        self._busy = True
        if self._write(send, data, size):
            if self.backlog.entries:
                self.release()
            else:
                self._busy = False
        return self._open  # Taking this message may have been the end.

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
        """Wait until everything called for earlier is with the server, and hold the pen until ``release``.

        Cancelling it gives the place up.
        """
        if not self._busy:
            self._busy = True
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self.backlog.add_turn(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """The holder of the pen is done: the next one's turn."""
        backlog = self.backlog
        while backlog.entries:
            entry = backlog.pop()
            if isinstance(entry, Post):
                if self._waiting_for_room is not None and backlog.is_low:
                    self.wake_for_room()
                if not self._write(entry.send, entry.data, entry.size):
                    return
            elif not entry.done():
                entry.set_result(None)
                return
        self._busy = False

    def _write(self, send: Send, data: str | bytes, size: int) -> bool:
        """Hand one message to the server; False if it has to wait, with ``release`` called later."""
        self.messages_sent += 1
        self.bytes_sent += size
        try:
            sending: Any = send(data)
            if hasattr(sending, "add_done_callback"):  # A future of the server's own, which needs no task.
                self._under_way = sending
                self._callback = _Written(self)
                sending.add_done_callback(self._callback)
                return False
            steps = steps_of(sending)
            future = next(steps)
        except StopIteration:
            return True
        except Exception as error:
            self._on_failure(error)
            return True
        # The server makes us wait (backpressure): only now is a task worth its price.
        self._under_way = self._loop.create_task(finish(steps, future))
        self._under_way.add_done_callback(self._written)
        return False

    def _written(self, sending: Any) -> None:
        try:
            sending.result()
        except (Exception, asyncio.CancelledError) as error:
            self._on_failure(error)
        finally:
            self._under_way = self._callback = None
            self.release()


class _Written:
    """What a server's own future calls when a post is written. It is detached from an outbox that gives the
    post up: Granian never lets go of a send that was cancelled, nor of what it would have called."""

    __slots__ = ("outbox",)

    def __init__(self, outbox: Outbox) -> None:
        self.outbox: Outbox | None = outbox

    def __call__(self, sending: Any) -> None:
        if self.outbox is not None:
            self.outbox._written(sending)
