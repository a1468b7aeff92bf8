"""Handshakes that are none, or not whole: the process lives and serves the next one."""

from __future__ import annotations

import asyncio
import contextlib

from anysocket.testing._case import Client
from anysocket_conformance.cases._frames import handshake
from anysocket_conformance.cases._surviving import OverHTTP1, Survival
from anysocket_servers import FrameConnection

GARBAGE = bytes(range(256)) + b"\r\n\r\n"
ANSWER_TIMEOUT = 2.0


class ResetBeforeHandshake(Survival):
    """Peers that connect and are reset."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.reset()


class HangUpBeforeHandshake(Survival):
    """Peers that connect and hang up."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.stream.hang_up()


class GarbageForHandshake(OverHTTP1):
    """Peers that send garbage instead of a handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(GARBAGE)
        await answer_or_end(frames)


class HalfHandshakeThenReset(OverHTTP1):
    """Peers that are reset in the middle of their handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        request = frames.request(handshake(client))
        frames.write(request[: len(request) // 2])
        await asyncio.sleep(0)
        frames.reset()


class HalfHandshakeThenHangUp(OverHTTP1):
    """Peers that hang up in the middle of their handshake."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        request = frames.request(handshake(client))
        frames.write(request[: len(request) // 2])
        await asyncio.sleep(0)
        frames.stream.hang_up()


class _Refused(OverHTTP1):
    """Of handshakes that a server must not accept."""

    rounds = 1
    client_sees = ("no upgrade", "text 'and on'")
    left_out = b""
    put_in = b""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        lines = frames.request(handshake(client)).removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [line for line in lines if not (self.left_out and line.startswith(self.left_out))]
        frames.write(b"\r\n".join([*kept, *([self.put_in] if self.put_in else []), b"", b""]))
        status = await answer_or_end(frames)
        client.note("an upgrade" if status == 101 else "no upgrade")


class HandshakeWithoutKey(_Refused):
    """A handshake without a key is no WebSocket."""

    left_out = b"sec-websocket-key"


class HandshakeWithoutVersion(_Refused):
    """A handshake without a version is no WebSocket."""

    left_out = b"sec-websocket-version"


class HandshakeOfWrongVersion(_Refused):
    """A handshake of version 7 is no WebSocket."""

    left_out = b"sec-websocket-version"
    put_in = b"sec-websocket-version: 7"


class HandshakeWithoutConnectionHeader(_Refused):
    """A handshake without a Connection header is no WebSocket."""

    left_out = b"connection"


class HandshakeByPost(OverHTTP1):
    """Handshakes with POST, whatever they are answered with."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client)).replace(b"GET", b"POST", 1))
        await answer_or_end(frames)


class TargetNotASCII(OverHTTP1):
    """Handshakes whose path and query have bytes that are not ASCII, whatever they are answered with."""

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client, "/J\xfcrgen?name=J\xfcrgen")))
        await answer_or_end(frames)


class HugeHandshake(OverHTTP1):
    """A handshake with 1 MB of headers, whatever it is answered with."""

    rounds = 1

    async def harm(self, client: Client, frames: FrameConnection) -> None:
        frames.write(frames.request(handshake(client, "", ("x-much", "x" * 1_000_000))))
        await answer_or_end(frames)


async def answer_or_end(frames: FrameConnection) -> int:
    """The status of the answer; 0 where the connection ends instead, or nothing comes for two seconds."""
    with contextlib.suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        async with asyncio.timeout(ANSWER_TIMEOUT):
            head = await frames.stream.reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(IndexError, ValueError):
                return int(head.split()[1])
    return 0
