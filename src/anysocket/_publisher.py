"""Publishing from outside: a task queue, a cron job, a view of another framework."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from anysocket._backplane import Backplane, open_prefixed
from anysocket._envelope import Envelope, Kind
from anysocket._errors import BackplaneError, in_words
from anysocket._fan_out import check_message
from anysocket._outgoing import Outgoing
from anysocket._policy import OutboxPolicy, check_policy

logger = logging.getLogger("anysocket")

TIMEOUT = 5.0
"""Seconds that connecting and handing over may take together."""
IDLE = 1.0
"""Seconds after which a connection is looked at before it is used again."""


class Publisher:
    """Publishes to the connections of the apps on a backplane, and has none itself.

    ``backplane``: as that of :class:`WebSocketManager`. It connects at the first message and whenever the
    connection has been lost; ``async with`` it, or call :meth:`close` in the end. Any number of tasks may
    call; messages are published in the order of the calls. It belongs to one event loop.

    All methods raise :class:`BackplaneError` when the message was not handed over within five seconds: it may
    have been published all the same, and is not tried again.
    """

    def __init__(self, backplane: str | Backplane) -> None:
        self._backplane, prefix = open_prefixed(backplane)
        self._outgoing = Outgoing(os.urandom(8), prefix)
        self._is_open = False
        self._used_at = 0.0
        self._lock = asyncio.Lock()

    async def broadcast_to_room(
        self,
        room: str,
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> None:
        """To everyone in a room but ``exclude`` (ids); ``policy`` as that of
        :meth:`WebSocketManager.broadcast_to_room`, but none with a function of its own."""
        await self._broadcast([room], message, exclude, policy)

    async def broadcast_to_rooms(
        self,
        rooms: Iterable[str],
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> None:
        """To everyone in any of the rooms, once; as :meth:`broadcast_to_room`."""
        if names := list(rooms):
            await self._broadcast(names, message, exclude, policy)

    async def broadcast_to_all(
        self, message: str | bytes, *, exclude: Iterable[str] = (), policy: OutboxPolicy | None = None
    ) -> None:
        """To every connection; as :meth:`broadcast_to_room`."""
        await self._broadcast([], message, exclude, policy)

    async def send_to(self, id: str, message: str | bytes) -> None:
        """To one connection, if there is one of this id."""
        check_message(message, None)
        await self._publish([self._outgoing.question(Envelope(Kind.SEND, b"", 0, message, (id,)))])

    async def send_to_user(self, user: str, message: str | bytes) -> None:
        """To all connections of a user."""
        check_message(message, None)
        await self._publish([self._outgoing.question(Envelope(Kind.SEND_TO_USER, b"", 0, message, (user,)))])

    async def close(self) -> None:
        """Let go of the connection. A later call makes another one."""
        async with self._lock:
            await self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _broadcast(
        self,
        rooms: Sequence[str],
        message: str | bytes,
        exclude: Iterable[str],
        policy: OutboxPolicy | None,
    ) -> None:
        check_message(message, None)
        if policy is not None:
            check_policy(policy)
        excluded = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        await self._publish(self._outgoing.message(rooms, message, excluded, policy))

    async def _publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        async with self._lock:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._open()
                    limit = self._backplane.max_bytes
                    if limit is None or all(len(data) <= limit for _, data in messages):
                        await self._backplane.publish(messages)
                        return
            except BaseException as error:
                await self._close()
                if isinstance(error, Exception):
                    raise BackplaneError(f"the message was not handed over: {in_words(error)}") from error
                raise
        raise BackplaneError(f"the message exceeds the backplane's {limit} bytes")

    async def _open(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._is_open and now - self._used_at > IDLE:
            try:
                await self._backplane.health()
            except Exception as error:
                logger.debug("the backplane's connection has gone: %r", error)
                await self._close()
        if not self._is_open:
            self._is_open = True
            await self._backplane.start(_Deaf())
        self._used_at = now

    async def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                await self._backplane.stop()
            except Exception as error:
                logger.debug("the backplane did not stop in order: %r", error)


class _Deaf:
    """A listener who hears nothing: nothing is subscribed to, and what was lost shows when it is used."""

    def received(self, topic: str, data: bytes) -> None:
        """As the port has it."""

    def lost(self, error: BaseException) -> None:
        """As the port has it."""


class SyncPublisher:
    """A :class:`Publisher` for code without an event loop, from any thread: it neither needs one nor starts a
    thread. Calls take turns. ``RuntimeError`` in a coroutine, which has :class:`Publisher`."""

    def __init__(self, backplane: str | Backplane) -> None:
        self._backplane = backplane
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._renew()

    def _renew(self) -> None:
        self._publisher = Publisher(self._backplane)
        self._loop: asyncio.AbstractEventLoop | None = None

    def broadcast_to_room(
        self,
        room: str,
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> None:
        """As :meth:`Publisher.broadcast_to_room`, and so are the others."""
        self._run(lambda to: to.broadcast_to_room(room, message, exclude=exclude, policy=policy))

    def broadcast_to_rooms(
        self,
        rooms: Iterable[str],
        message: str | bytes,
        *,
        exclude: Iterable[str] = (),
        policy: OutboxPolicy | None = None,
    ) -> None:
        """To everyone in any of the rooms, once."""
        self._run(lambda to: to.broadcast_to_rooms(rooms, message, exclude=exclude, policy=policy))

    def broadcast_to_all(
        self, message: str | bytes, *, exclude: Iterable[str] = (), policy: OutboxPolicy | None = None
    ) -> None:
        """To every connection."""
        self._run(lambda to: to.broadcast_to_all(message, exclude=exclude, policy=policy))

    def send_to(self, id: str, message: str | bytes) -> None:
        """To one connection, if there is one of this id."""
        self._run(lambda to: to.send_to(id, message))

    def send_to_user(self, user: str, message: str | bytes) -> None:
        """To all connections of a user."""
        self._run(lambda to: to.send_to_user(user, message))

    def close(self) -> None:
        """Let go of the connection. A later call makes another one."""
        with self._lock:  # Throughout: another thread must not connect again on the loop that is to close.
            self._run(lambda to: to.close())
            assert self._loop is not None
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
            self._renew()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, call: Callable[[Publisher], Coroutine[Any, Any, None]]) -> None:
        if _in_event_loop():
            raise RuntimeError("a SyncPublisher would stop the event loop: use anysocket.Publisher here")
        with self._lock:
            if self._process != os.getpid():  # The connection is the parent's.
                self._process = os.getpid()
                self._renew()
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
            self._loop.run_until_complete(call(self._publisher))


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
