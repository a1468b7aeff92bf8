"""What Granian's RSGI server does with a WebSocket, as measured, with no server: states and ends.

The same cases run against this and against Granian, so that both are known to behave alike.
"""

from __future__ import annotations

import asyncio
import random
import weakref
from collections.abc import Callable
from typing import Any

from anysocket import Message
from anysocket.testing._peer import LOST, Refused
from anysocket.testing._wire import Channel
from anysocket_rsgi._errors import ProtocolClosed, ProtocolError
from anysocket_rsgi._futures import FailedAwaitable, GranianFuture

MT_SEED = 6455
"""Of the order in which runtime mode ``mt`` takes up sends started together: the same in every run."""
MT_ROUNDS = 4


class ProcessDied(BaseException):
    """What the app did ends Granian's server process: a panic. No handler can catch the real one, so this is
    no ``Exception``."""


class CloseMessage:
    """Kind 0: Granian tells neither code nor reason, and there is no ``data``."""

    kind = 0


class DataMessage:
    """Kind 1 with bytes, kind 2 with a str."""

    def __init__(self, data: str | bytes) -> None:
        self.kind = 2 if isinstance(data, str) else 1
        self.data = data


class Connection:
    """One connection inside the server, shared by what the app and the peer hold of it."""

    def __init__(self, runtime_mode: str, make_peer: Callable[[Connection], Any]) -> None:
        self.to_app: Channel[Message] = Channel()
        self.to_peer: Channel[Message] = Channel()
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.died: ProcessDied | None = None
        self.ended_in_order: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.close_answered = asyncio.Event()
        self.reading = asyncio.Event()
        """Set while a receive is pending: nothing else answers pings."""
        self.peer_close: Message | None = None
        """The close frame of the peer, once sent."""
        self.closed = False
        self._make_peer = make_peer
        self._random = random.Random(MT_SEED) if runtime_mode == "mt" else None
        self._writing = asyncio.Lock()
        self._read_ended = False
        self._answer_owed = False
        self._sink_taken = False
        self._transport_freed = False

    def die(self, why: str) -> ProcessDied:
        self.died = self.died or ProcessDied(why)
        self.to_peer.end(LOST)
        if not self.answer.done():
            self.answer.set_exception(self.died)
        return self.died

    # -- the handshake's answer --

    def refuse(self, status: int) -> None:
        if not 100 <= status & 0xFFFF <= 999:
            raise self.die(f"close({status}) before accept: no HTTP status")
        if not self.answer.done():
            self.answer.set_exception(Refused(status & 0xFFFF, [(b"server", b"granian")]))

    async def accept(self) -> Transport:
        if self.answer.done():
            raise ProtocolError("the handshake is over")
        transport = Transport(self)
        weakref.finalize(transport, self._freed).atexit = False
        self.answer.set_result(self._make_peer(self))
        return transport

    # -- messages --

    async def receive(self) -> CloseMessage | DataMessage:
        if self.reading.is_set():
            raise ProtocolError("another receive is pending")
        self.reading.set()
        try:
            self._answer_close()
            if self._read_ended:
                raise ProtocolClosed("the connection is over")
            message = await self.to_app.get()
        finally:
            self.reading.clear()
            self._end_if_free()
        if message.code is None:
            return DataMessage(message.data)
        self._read_ended = True
        self._end_if_free()
        if message is LOST:
            raise ProtocolClosed("the connection is over")
        self._answer_owed = not self._sink_taken
        return CloseMessage()

    async def send(self, message: Message) -> None:
        for _ in range(self._random.randrange(MT_ROUNDS) if self._random else 0):
            await asyncio.sleep(0)
        async with self._writing:
            if self._sink_taken:
                raise ProtocolError("closed")
            if self._read_ended:
                raise ProtocolClosed("the connection is over")
            if self.peer_close is not None:
                return  # On the wire, to a peer that takes nothing any more.
            try:
                await self.to_peer.put(message)
            except BrokenPipeError:
                raise ProtocolClosed("the connection is over") from None

    # -- the end --

    async def close(self) -> None:
        """The close frame, after the sends that were called for earlier."""
        async with self._writing:
            self._sink_taken = True
            self._answer_close()
            if self.peer_close is None:
                self.to_peer.end(Message("close", "", 1005))
        self._end_if_free()

    def _answer_close(self) -> None:
        """A close of the peer is answered when we read on, or close as well."""
        if self._answer_owed:
            self._answer_owed = False
            self.to_peer.end(self.peer_close or LOST)
            self.close_answered.set()

    def _freed(self) -> None:
        self._transport_freed = True
        self._end_if_free()

    def _end_if_free(self) -> None:
        """TCP ends when nobody holds either half any more: what is unread then resets it."""
        free = self._sink_taken and self._transport_freed and not self.reading.is_set()
        if free and not self.ended_in_order.done():
            self.ended_in_order.set_result(self._read_ended)
            self.to_peer.end(LOST)


class Transport:
    """What ``accept()`` gives to the app."""

    __slots__ = ("__weakref__", "_connection")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self) -> GranianFuture:
        return GranianFuture(self._connection.receive())

    def send_str(self, data: str) -> GranianFuture | FailedAwaitable:
        if not isinstance(data, str):
            raise TypeError(f"send_str() takes str, not {type(data).__name__}")
        return self._send(Message("text", data))

    def send_bytes(self, data: bytes | bytearray) -> GranianFuture | FailedAwaitable:
        if not isinstance(data, bytes | bytearray):
            raise TypeError(f"send_bytes() takes bytes, not {type(data).__name__}")
        return self._send(Message("bytes", bytes(data)))

    def _send(self, message: Message) -> GranianFuture | FailedAwaitable:
        if self._connection.closed:
            return FailedAwaitable()
        return GranianFuture(self._connection.send(message))


class Protocol:
    """What the app is called with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accepting = False

    def accept(self) -> GranianFuture:
        if self._accepting:
            raise self._connection.die("accept() was called twice")
        self._accepting = True
        return GranianFuture(self._connection.accept())

    def close(self, status: int | None = None) -> None:
        if status is not None and not isinstance(status, int):
            raise TypeError(f"close() takes int, not {type(status).__name__}")
        connection = self._connection
        if connection.closed:
            return
        if self._accepting:
            connection.closed = True
            GranianFuture(connection.close())
        elif status is None:
            raise connection.die("the handshake was left without an answer, which ends Granian up to 2.8.5")
        else:
            connection.closed = True
            connection.refuse(status)
