"""A real client over a socket: the peer of :mod:`anysocket.testing` on the frames of ``websockets``."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from anysocket import Headers, Message
from anysocket.testing import Peer, Refused
from anysocket.testing._peer import LOST
from anysocket_servers._connection import open_frames
from anysocket_servers._endpoint import TIMEOUT, Endpoint, Stream
from anysocket_servers._handshake import Answer, Handshake

READ_AHEAD = 16
"""How many messages may wait unread before the socket is read no further."""
LEAVE_TIMEOUT = 1.0
"""Seconds that a client which is done waits for the answer to its close frame."""


class SocketPeer(Peer):
    """A client over a socket. It answers pings and closes by itself, as browsers do, and stops reading while
    messages wait unread."""

    def __init__(self, stream: Stream, answer: Answer, timeout: float) -> None:
        super().__init__(timeout)
        self.subprotocol = answer.subprotocol
        self.response_headers = Headers(answer.headers)
        self._stream = stream
        self._protocol = Protocol(CLIENT, max_size=None)
        self._fragments: list[bytes] = []
        self._kind = Opcode.TEXT
        self._messages: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._reading = True
        self._over = asyncio.Event()
        self._pongs: dict[bytes, asyncio.Future[None]] = {}

    async def ping(self, timeout: float | None = None) -> None:
        """Send a ping and wait for its pong (RFC 6455 section 5.5.2)."""
        payload = os.urandom(4)
        self._pongs[payload] = asyncio.get_running_loop().create_future()
        self._protocol.send_ping(payload)
        self._flush()
        await self._bounded(_result(self._pongs[payload]), "a pong", timeout or self.timeout)

    async def wait_ended(self, timeout: float | None = None) -> None:
        """Wait until the server has ended the TCP connection."""
        await self._bounded(_set(self._over), "the end of TCP", timeout or self.timeout)

    def pause_reading(self) -> None:
        """Read nothing more, as a client that hangs; ``receive`` gives what was read before."""
        self._reading = False

    # -- as Peer wants it --

    async def _send(self, message: Message) -> None:
        try:
            if isinstance(message.data, str):
                self._protocol.send_text(message.data.encode())
            else:
                self._protocol.send_binary(message.data)
            self._flush()
            await self._stream.drain()
        except (InvalidState, ConnectionError) as error:
            raise BrokenPipeError("the connection is over") from error

    async def _receive(self) -> Message:
        while not self._messages:
            await self._wait()
        message = self._messages[0]
        if message is not LOST:
            self._messages.popleft()
        self._changed.set()
        return message

    async def _send_close(self, message: Message) -> None:
        with contextlib.suppress(InvalidState):
            self._protocol.send_close(message.code, message.reason)
            self._flush()

    def _answer_close(self, message: Message) -> None:
        """The protocol has answered already."""

    async def _abort(self) -> None:
        self._stream.reset()

    async def _hang_up(self) -> None:
        self._stream.hang_up()

    # -- the socket --

    async def read(self) -> None:
        """Read the socket to its end."""
        try:
            while True:
                while len(self._messages) >= READ_AHEAD or not self._reading:
                    await self._wait()
                data = await self._stream.reader.read(1 << 16)
                if not data:
                    return
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    if isinstance(event, Frame):
                        self._take(event)
                self._flush()
        except ConnectionError:
            pass
        finally:
            # As every client does, or a server waits long for the other half of the end.
            self._stream.hang_up()
            self._put(LOST)
            self._over.set()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            close = self._protocol.close_rcvd
            code, reason = (close.code, close.reason) if close else (1005, "")
            self._put(Message("close", reason, int(code), reason))
        elif frame.opcode is Opcode.PONG:
            if (waiting := self._pongs.pop(bytes(frame.data), None)) and not waiting.done():
                waiting.set_result(None)
        elif frame.opcode is not Opcode.PING:
            self._take_data(frame)

    def _take_data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._kind = frame.opcode
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._fragments)
            self._fragments.clear()
            text = self._kind is Opcode.TEXT
            self._put(Message("text", data.decode()) if text else Message("bytes", data))

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            # Empty: the closing handshake is over, and it is for the server to end TCP (section 7.1.1).
            self._stream.write(data)


async def _result(future: asyncio.Future[None]) -> None:
    await future


async def _set(event: asyncio.Event) -> None:
    await event.wait()


@contextlib.asynccontextmanager
async def connect_socket(
    endpoint: Endpoint, handshake: Handshake, timeout: float = TIMEOUT
) -> AsyncIterator[SocketPeer]:
    """Connect, and leave with a close frame. Raises :class:`anysocket.testing.Refused`."""
    async with open_frames(endpoint) as connection:
        try:
            answer = await connection.upgrade(handshake, timeout)
        except TimeoutError:
            raise AssertionError(f"{endpoint.url}{handshake.path}: the handshake was not answered") from None
        if not answer.accepted:
            raise Refused(answer.status, answer.headers, answer.body)
        peer = SocketPeer(connection.stream, answer, timeout)
        reading = asyncio.create_task(peer.read())
        try:
            yield peer
        finally:
            await _leave(peer)
            reading.cancel()


async def _leave(peer: SocketPeer) -> None:
    """Close as a well-behaved client does, however little the server helps."""
    with contextlib.suppress(Exception):
        await peer.close()
        async with asyncio.timeout(LEAVE_TIMEOUT):
            while True:
                await peer.receive()
