"""What a client says to have the two jobs done: that of ``benchmarks.peers``, and Socket.IO's."""

from __future__ import annotations

import asyncio

from benchmarks.load import Client, frame


class Talker(Client):
    """Hands over the messages one by one, until it is told how many bytes each has."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.greetings: asyncio.Queue[bytes] = asyncio.Queue()

    def took(self, payload: bytes) -> None:
        if self.expected:
            self.counted(1)
        else:
            self.greetings.put_nowait(payload)


class Plain:
    """The path says it all."""

    def path(self, room: str | None) -> str:
        return "/" if room is None else f"/rooms/{room}"

    async def greet(self, client: Talker, room: str | None) -> None:
        """What comes after the handshake."""

    def message(self, text: str, room: str | None) -> str:
        """What to send, and what comes back, which is as long."""
        return text


class SocketIO(Plain):
    """Engine.IO 4 over WebSocket alone, and events."""

    def path(self, room: str | None) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    async def greet(self, client: Talker, room: str | None) -> None:
        await client.greetings.get()
        client.transport.write(frame(b"40"))
        await client.greetings.get()
        if room is not None:
            client.transport.write(frame(f'42["join","{room}"]'.encode()))
            await client.greetings.get()

    def message(self, text: str, room: str | None) -> str:
        return f'42["{"echo" if room is None else "said"}","{text}"]'


PLAIN, SOCKET_IO = Plain(), SocketIO()
