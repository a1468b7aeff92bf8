"""One process among others: its life on a backplane, and what goes to and comes from the others there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from anysocket._backplane import Backplane
from anysocket._census import BEAT, Census, Enough
from anysocket._envelope import Envelope, Kind
from anysocket._errors import BackplaneError, PartitionError, first_of, in_words
from anysocket._following import Followed, Following
from anysocket._incoming import Incoming, Local
from anysocket._outgoing import Message, Outgoing
from anysocket._policy import OutboxPolicy
from anysocket._publishing import PUBLISH_TIMEOUT, PublishQueue
from anysocket._together import run_together

logger = logging.getLogger("anysocket")

START_TIMEOUT = 3.0
"""Seconds that a start may take, with all subscriptions."""
HEALTH_TIMEOUT = 2.0
STOP_TIMEOUT = 1.0
BACKOFF = 0.1
MAX_BACKOFF = 1.0
"""Seconds between two starts: the first, and at most. Less by up to a half, so that not all come at once."""
ACQUAINTED = 0.2
"""Seconds after the start in which the others get to know us, and we them."""


class State(Enum):
    """Of a node."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"


class Node:
    """On the backplane from :meth:`start` to :meth:`stop`, in one event loop, whatever happens meanwhile.

    One task owns all that runs; when any of it fails the backplane is stopped, and started anew.
    """

    def __init__(self, backplane: Backplane, prefix: str, local: Local) -> None:
        self._outgoing = Outgoing(os.urandom(8), prefix)
        self.loop = asyncio.get_running_loop()
        self.state = State.STARTING
        self.error: BaseException | None = None
        """Why it is down."""
        self.partition: PartitionError | None = None
        """Why not everybody is reached, while it is not down."""
        self.restarts = 0
        self.dropped = 0
        """Messages that were not published, as it was down or too slow."""
        self.queue = PublishQueue()
        self.census = Census()
        self._backplane = backplane
        self._topics = self._outgoing.topics
        self._following = Following()
        node, topics = self._outgoing.node, self._outgoing.topics
        self.incoming = Incoming(node, topics, self._following, self.census, local, self._reply)
        self._own = topics.node(node)
        self._told = asyncio.Event()
        """It has started, or it has failed to."""
        self._acquainted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether messages reach everybody."""
        return self.state is State.UP and self.partition is None

    # -- life --

    def start(self) -> None:
        """Begin, and go on for ever."""
        for topic in (self._topics.all, self._topics.nodes, self._own):
            self._following.follow(topic)
        self._task = self.loop.create_task(self._run())

    async def told(self, timeout: float) -> None:
        """Wait until it is known whether it could be started, and the others are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._told.wait()
                if self.state is State.UP:
                    await self._acquainted.wait()

    async def stop(self) -> None:
        """Publish what waits, tell the others, and let go."""
        task = self._task
        assert task is not None
        if self.state is State.UP:
            self._tell(self._outgoing.sign(Kind.GONE))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT):
                    await self.queue.flush()
        # Once: a second time would interrupt the backplane's own stop, which has its bound.
        task.cancel()
        await asyncio.wait({task}, timeout=2 * STOP_TIMEOUT)
        self._following.end()

    async def _run(self) -> None:
        backoff = BACKOFF
        while True:
            try:
                await self._serve()
            except Exception as error:
                if self.state is State.UP:
                    backoff = BACKOFF
                self._went_down(error)
            finally:
                await self._let_go()
            await asyncio.sleep(backoff * random.uniform(0.5, 1))
            backoff = min(2 * backoff, MAX_BACKOFF)
            self.restarts += 1

    async def _serve(self) -> None:
        """From a start to what ends it, which is raised."""
        self._following.reset()
        listening = self.incoming.listen(self.loop)
        async with asyncio.timeout(START_TIMEOUT):
            await self._backplane.start(listening)
            await self._following.settle(self._backplane)
            await self._look()
        self._came_up()
        await run_together(
            [
                listening.run(),
                self.queue.run(self._backplane.publish),
                self._following.run(self._backplane),
                self._beat(),
                self._watch(),
            ]
        )

    async def _let_go(self) -> None:
        self._following.reset()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._backplane.stop()
        except Exception as error:
            logger.debug("the backplane did not stop in order: %r", error)

    def _came_up(self) -> None:
        returned = self.state is State.DOWN and self._acquainted.is_set()
        if self.state is State.DOWN:
            logger.warning("backplane is up again")
        self.state, self.error = State.UP, None
        self._told.set()
        self.loop.call_later(ACQUAINTED, self._acquainted.set)
        if returned:
            self.incoming.tell_all_missed()

    def _went_down(self, error: BaseException) -> None:
        error = first_of(error)
        if self.state is not State.DOWN:
            logger.error("backplane is down, only members of this process are served: %s", in_words(error))
        self.state, self.error = State.DOWN, error
        self._told.set()
        self.census.forget()
        self.queue.refuse_line(self._refusal)

    async def _beat(self) -> None:
        """Give signs of life, and look for those of others."""
        while True:
            self._tell(self._outgoing.sign(Kind.HERE))
            await asyncio.sleep(BEAT)
            self.census.look(self.loop.time())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            async with asyncio.timeout(HEALTH_TIMEOUT):
                await self._look()

    async def _look(self) -> None:
        """Whether it is well. What is raised here ends all that runs; who is not reached does not."""
        try:
            await self._backplane.health()
        except PartitionError as error:
            if self.partition is None:
                logger.error("backplane does not reach everybody: %s", error)
            self.partition = error
        else:
            if self.partition is not None:
                logger.warning("backplane reaches everybody again")
            self.partition = None

    # -- to the others --

    def follow(self, room: str) -> Followed:
        """Receive what others publish to a room."""
        return self._following.follow(self._topics.room(room))

    def unfollow(self, room: str) -> None:
        """Receive it no more."""
        topic = self._topics.room(room)
        self._following.unfollow(topic)
        self.incoming.arrivals.forget(topic)

    async def broadcast(
        self,
        rooms: Sequence[str],
        message: str | bytes,
        excluded: Iterable[str],
        policy: OutboxPolicy | None,
    ) -> None:
        """Publish to everybody in these rooms, or in none of them to all; waits for nothing but room in the
        queue. :class:`BackplaneError` where that is not possible: all that needs no waiting is done by then.
        """
        waiting: list[asyncio.Future[None]] = []
        refused: BackplaneError | None = None
        for each in self._outgoing.message(rooms, message, excluded, policy):
            try:
                taken = self._put(*each)
            except BackplaneError as error:
                self.dropped += 1
                refused = error
            else:
                if taken is not None:
                    waiting.append(taken)
        for taken in waiting:
            await self._wait_for_room(taken)
        if refused is not None:
            raise refused

    async def ask(self, question: Envelope, enough: Enough, timeout: float) -> tuple[list[Any], int]:
        """Ask all nodes; their answers, and how many were asked. :class:`BackplaneError` while it is down."""
        await self.told(timeout)
        if self.state is State.DOWN:
            raise self._refusal()
        number, asked = self.census.ask(enough)
        try:
            if asked.nodes:
                taken = self._put(*self._outgoing.question(question, number))
                if taken is not None:
                    await self._wait_for_room(taken)
                await asked.wait(timeout)
            return list(asked.answers.values()), len(asked.nodes | asked.answers.keys())
        finally:
            self.census.close(number)

    def _put(self, topic: str, data: bytes) -> asyncio.Future[None] | None:
        if self.state is State.DOWN:
            raise self._refusal()
        limit = self._backplane.max_bytes if self.state is State.UP else None
        if limit is not None and len(data) > limit:
            raise BackplaneError(f"a message of {len(data)} bytes exceeds the backplane's {limit}")
        return self.queue.put(topic, data)

    async def _wait_for_room(self, taken: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                await taken
        except TimeoutError:
            self.dropped += 1
            raise BackplaneError(
                f"the backplane is too slow: {len(self.queue)} messages wait to be published"
            ) from None
        except BackplaneError:
            self.dropped += 1
            raise

    def _refusal(self) -> BackplaneError:
        return BackplaneError(f"the backplane is down: {in_words(self.error)}")

    def _reply(self, question: Envelope, answer: object) -> None:
        """What the others are told who ask, or who are new."""
        if question.kind == Kind.HERE:
            _, here = self._outgoing.sign(Kind.HERE)
            self._tell((self._topics.node(question.node), here))
        elif question.sequence:
            self._tell(self._outgoing.answer(question, json.dumps(answer)))

    def _tell(self, message: Message) -> None:
        """What is of no use later is left out where there is no room for it."""
        with contextlib.suppress(BackplaneError):
            taken = self._put(*message)
            if taken is not None:
                taken.cancel()
