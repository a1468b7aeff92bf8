"""What holds for any app, whatever it does with its messages: ``anysocket matrix --app`` plays these against
one's own. The handler here is an echo."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing import Refused
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage
from anysocket.testing._stopwatch import stopwatch
from anysocket_conformance.cases._frames import next_frame, upgraded
from anysocket_conformance.cases.violations import VIOLATIONS
from anysocket_servers import CLOSE, PING, TEXT, FrameConnection, Handshake

SOON = 1.0
END_TIMEOUT = 5.0
CROWD = 100
STAYS_OPEN = "a connection stays open"
FOREIGN = "https://evil.example"
STRANGE_PATHS = ("/no/such/path", "/%FF%00", "/..%2F..%2Fetc%2Fpasswd", "/" + "a" * 4000)


class _AnyApp(Case):
    """Of this group: ``client`` ends with a handshake that must be answered as the first one was."""

    group = "any app"
    clauses = ("3.5",)
    tools = ("frames", "http1")
    client_sees: ClassVar[tuple[str, ...]] = ("and still serves",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """Echo."""
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message.data)

    async def client(self, client: Client) -> None:
        first = await answer(client)
        await self.harm(client)
        client.note("and still serves" if await answer(client) == first else "and serves no more")

    async def harm(self, client: Client) -> None:
        """What the peer does."""
        raise NotImplementedError


async def answer(client: Client, path: str | None = None, *headers: tuple[str, str]) -> int:
    """The status of the answer to a handshake; 0 if there is none."""
    async with client.tools["frames"]() as frames:
        asked = Handshake(client.path() if path is None else path, (*client.headers, *headers))
        return int((await frames.upgrade(asked)).status)


class SurvivesStrangePaths(_AnyApp):
    """Paths that no route has, with any bytes in them, are answered."""

    client_sees = ("answered",) * len(STRANGE_PATHS) + ("and still serves",)

    async def harm(self, client: Client) -> None:
        for path in STRANGE_PATHS:
            client.note("answered" if await answer(client, path) else "not answered")


class SurvivesViolations(_AnyApp):
    """Frames that break RFC 6455 end their connection and no other."""

    async def harm(self, client: Client) -> None:
        for data in VIOLATIONS:
            async with upgraded(client) as frames:
                frames.write(data)
                await ended(client, frames)


class SurvivesResets(_AnyApp):
    """Peers that are reset at any point of a connection harm nobody else."""

    async def harm(self, client: Client) -> None:
        for size in range(0, 200, 10):
            async with client.tools["frames"]() as frames:
                frames.write(frames.request(Handshake(client.path(), tuple(client.headers)))[:size])
                await asyncio.sleep(0)
                frames.reset()
        for _ in range(20):
            async with upgraded(client) as frames:
                frames.send(TEXT, b"hello")
                await asyncio.sleep(0)
                frames.reset()


class SurvivesCrowd(_AnyApp):
    """A hundred peers that come and go at once."""

    async def harm(self, client: Client) -> None:
        async def visit() -> None:
            async with upgraded(client) as frames:
                frames.send(CLOSE, (1000).to_bytes(2))
                await ended(client, frames)

        await asyncio.gather(*(visit() for _ in range(CROWD)))


class AnswersPings(_AnyApp):
    """A ping is answered within a second, whatever the handler does."""

    clauses = ("4.6",)
    client_sees = ("pong b'here?'", "and still serves")

    async def harm(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.send(PING, b"here?")
            client.note(await first_of(frames, "pong"))


class AnswersClose(_AnyApp):
    """A close frame is answered and TCP ended within a second, whatever the handler does."""

    clauses = ("4.6",)
    client_sees = ("a close", "within a second", "and still serves")

    async def harm(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.send(CLOSE, (1000).to_bytes(2))
            async with stopwatch() as watch:
                answer = await first_of(frames, "close")
                client.note("a close" if answer.startswith("close") else "no close")
                await ended(client, frames)
                client.note("within a second" if watch.seconds < SOON else "later")


class RefusesForeignPages(_AnyApp):
    """A handshake from a web page of another host is refused with 403."""

    clauses = ("3.6",)
    client_sees = ("refused 403", "and still serves")

    async def harm(self, client: Client) -> None:
        try:
            async with upgraded(client, "", ("origin", FOREIGN)):
                client.note("accepted")
        except Refused as refused:
            client.note(f"refused {refused.status}")


async def first_of(frames: FrameConnection, kind: str) -> str:
    """The first frame of this kind, those before it passed over; the end, or ``nothing``, without one."""
    while not (came := await next_frame(frames)).startswith((kind, "lost", "nothing", "close")):
        pass
    return came


async def ended(client: Client, frames: FrameConnection) -> None:
    """Note, once, if the connection does not end."""
    try:
        await frames.ended(END_TIMEOUT)
    except TimeoutError:
        if STAYS_OPEN not in client.notes:
            client.note(STAYS_OPEN)
