"""Frames as only a client of one's own can write them: cut, glued, mixed with pings."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import SEE_TIMEOUT, Case, Client, Sight
from anysocket.testing._stage import Stage, seen
from anysocket_conformance.cases._frames import handshake, next_frame, see_frame, upgraded
from anysocket_servers import BINARY, CONTINUATION, PING, PONG, TEXT, FrameConnection, frame

PAUSE = 0.02
"""Seconds between two writes, so that they travel apart."""
PONG_TIMEOUT = 10.0
TICKS = 3000
"""How often a handler sends that only sends: longer than any client waits."""


class Frames(Case):
    """Of this group."""

    group = "frames"
    clauses: ClassVar[tuple[str, ...]] = ("4.1",)
    tools: ClassVar[tuple[str, ...]] = ("frames",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """Note what comes and send it back."""
        await websocket.accept()
        async for message in websocket:
            stage.note(seen(message))
            await websocket.send(message.data)


class _Echo(Frames):
    """Of frames that come back as one message each, whatever they were cut into."""

    sent: tuple[bytes, ...] = ()
    """What is written, with a pause after each."""
    messages: tuple[str, ...] = ()

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.messages, tuple(note for note in self.messages if not note.startswith("pong")))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            for data in self.sent:
                frames.write(data)
                await asyncio.sleep(PAUSE)
            for _ in self.messages:
                await see_frame(client, frames)


class FragmentedText(_Echo):
    """Text whose fragments are cut inside a character arrives whole."""

    sent = (
        frame(TEXT, b"Gr\xc3", final=False),
        frame(CONTINUATION, b"\xbc\xc3", final=False),
        frame(CONTINUATION, b"\x9fe"),
    )
    messages = ("text 'Grüße'",)


class FragmentedBytes(_Echo):
    """Bytes in fragments arrive whole."""

    sent = (
        frame(BINARY, b"\x00\xff", final=False),
        frame(CONTINUATION, b"\xfe", final=False),
        frame(CONTINUATION, b"\x01"),
    )
    messages = ("bytes b'\\x00\\xff\\xfe\\x01'",)


class EmptyFragments(_Echo):
    """Empty fragments at the beginning, in the middle and at the end add nothing."""

    sent = (
        frame(TEXT, b"", final=False),
        frame(CONTINUATION, b"a", final=False),
        frame(CONTINUATION, b"", final=False),
        frame(CONTINUATION, b"b", final=False),
        frame(CONTINUATION, b""),
    )
    messages = ("text 'ab'",)


class OnlyEmptyFragments(Frames):
    """Fragments that are all empty are one empty message."""

    sent = (frame(BINARY, b"", final=False), frame(CONTINUATION, b""), frame(TEXT, b"and on"))
    client_sees = ("text '0'", "text '6'")
    handler_sees = ("bytes b''", "text 'and on'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        async for message in websocket:
            stage.note(seen(message))
            await websocket.send_text(str(len(message.data)))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(b"".join(self.sent))
            for _ in self.client_sees:
                await see_frame(client, frames)


class ManyFragments(_Echo):
    """A text in 1,000 fragments of one byte arrives whole."""

    sent = (
        frame(TEXT, b"x", final=False)
        + frame(CONTINUATION, b"y", final=False) * 998
        + frame(CONTINUATION, b"z"),
    )
    messages = ("text of 1000 characters, 'xyyy' to 'yyyz'",)


class PingBetweenFragments(_Echo):
    """A ping between fragments is answered before the message is whole."""

    sent = (frame(TEXT, b"a", final=False), frame(PING, b"here?"), frame(CONTINUATION, b"b"))
    messages = ("pong b'here?'", "text 'ab'")


class FrameInThreeSegments(_Echo):
    """A frame cut into three TCP segments, one inside its header, arrives whole."""

    tools = ("frames", "http1")
    _whole = frame(TEXT, b"x" * 300)
    sent = (_whole[:3], _whole[3:100], _whole[100:])
    messages = ("text of 300 characters, 'xxxx' to 'xxxx'",)


class FramesInOneSegment(_Echo):
    """Messages that travel in one TCP segment are as many messages, in order."""

    sent = (frame(TEXT, b"1") + frame(BINARY, b"2") + frame(PING, b"3") + frame(TEXT, b"4"),)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(("in order",), ("text '1'", "bytes b'2'", "text '4'"))

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(b"".join(self.sent))
            came = [await next_frame(frames) for _ in range(4)]
        messages = [each for each in came if not each.startswith("pong")]
        in_order = messages == ["text '1'", "bytes b'2'", "text '4'"] and "pong b'3'" in came
        client.note("in order" if in_order else ", ".join(came))


class FrameBehindTheHandshake(Frames):
    """A frame that travels with the handshake is not lost."""

    tools = ("frames", "http1")
    client_sees = ("text 'early'",)
    handler_sees = ("text 'early'",)

    async def client(self, client: Client) -> None:
        async with client.tools["frames"]() as frames:
            frames.write(frames.request(handshake(client)) + frame(TEXT, b"early"))
            try:
                status = await answer_to(frames)
            except TimeoutError:
                client.note("no answer")
            else:
                if status == 101:
                    await see_frame(client, frames)
                else:
                    client.note(f"refused {status}")


async def answer_to(frames: FrameConnection) -> int:
    """The status of the answer to a handshake that was written; 0 if the connection ends instead."""
    async with asyncio.timeout(SEE_TIMEOUT):
        try:
            head = await frames.stream.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0
    return int(head.split()[1])


class _Pinged(Frames):
    """Of a ping while the handler is busy with something else."""

    clauses = ("4.6",)
    client_sees = ("pong b'here?'",)

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            await client.noted("ready")
            frames.send(PING, b"here?")
            client.note(await _first_but_text(frames))


async def _first_but_text(frames: FrameConnection) -> str:
    clock = asyncio.get_running_loop().time
    deadline = clock() + PONG_TIMEOUT
    while (left := deadline - clock()) > 0:
        if not (came := await next_frame(frames, left)).startswith("text"):
            return came
    return "nothing"


class PingWhileReceiving(_Pinged):
    """A ping is answered while the handler receives."""

    handler_sees = ("ready",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note("ready")
        await websocket.receive()


class PingWhileSleeping(_Pinged):
    """A ping is answered while the handler waits for something else."""

    handler_sees = ("ready",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note("ready")
        await websocket.wait_closed()


class PingWhileSending(_Pinged):
    """A ping is answered while the handler only sends."""

    handler_sees = ("ready",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note("ready")
        for _ in range(TICKS):
            await websocket.send_text("tick")
            await asyncio.sleep(0.005)


class LongestPing(_Echo):
    """A ping of 125 bytes comes back whole, an empty one empty."""

    sent = (frame(PING, b"x" * 125), frame(PING))
    messages = ("pong of 125 bytes, b'xxxx' to b'xxxx'", "pong b''")


class UnaskedPong(_Echo):
    """A pong that nobody asked for does nothing."""

    sent = (frame(PONG), frame(PONG, b"unasked"), frame(TEXT, b"and on"))
    messages = ("text 'and on'",)
