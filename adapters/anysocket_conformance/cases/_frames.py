"""What clients need that write their own frames."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from anysocket.testing import Refused
from anysocket.testing._case import SEE_TIMEOUT, Client
from anysocket.testing._stage import shown
from anysocket_servers import BINARY, CLOSE, PING, PONG, TEXT, FrameConnection, Handshake

SOON = 3.0
"""Seconds for what comes at once, on a machine that is busy with other things. Hypercorn ends a stream of
HTTP/2 that nothing happens on after five."""
NEXT = "/next"
"""The path of a connection that comes after the one that a case is about, and echoes."""
NAMES = {TEXT: "text", BINARY: "bytes", PING: "ping", PONG: "pong"}


def handshake(client: Client, path: str = "", *headers: tuple[str, str]) -> Handshake:
    """A handshake for the case's handler."""
    return Handshake(client.path(path), (*client.headers, *headers))


@contextlib.asynccontextmanager
async def upgraded(
    client: Client, path: str = "", *headers: tuple[str, str]
) -> AsyncIterator[FrameConnection]:
    """A WebSocket to the case's handler, frame by frame. Raises :class:`anysocket.testing.Refused`."""
    async with client.tools["frames"]() as frames:
        answer = await frames.upgrade(handshake(client, path, *headers))
        if not answer.accepted:
            raise Refused(answer.status, answer.headers, answer.body)
        yield frames


async def next_frame(frames: FrameConnection, timeout: float = SEE_TIMEOUT) -> str:
    """The next frame in words, ``lost`` where the connection has ended, or ``nothing``."""
    try:
        received = await frames.receive(timeout)
    except TimeoutError:
        return "nothing"
    if received is None:
        return "lost"
    opcode, payload = received
    if opcode == CLOSE:
        code = int.from_bytes(payload[:2]) if payload else 1005
        return f"close {code} {payload[2:].decode()!r}"
    return f"{NAMES.get(opcode, opcode)} {shown(payload.decode() if opcode == TEXT else payload)}"


async def see_frame(client: Client, frames: FrameConnection, timeout: float = SEE_TIMEOUT) -> str:
    """Receive the next frame and note it."""
    return client.note(await next_frame(frames, timeout))


async def see_end(client: Client, frames: FrameConnection, timeout: float = SOON) -> None:
    """Note whether TCP, or the stream of HTTP/2, ends within ``timeout`` seconds; what comes before the end
    is passed over."""
    try:
        await frames.ended(timeout)
    except TimeoutError:
        client.note("the connection stays open")
    else:
        client.note("the connection ends")


async def see_next(client: Client) -> None:
    """Note what the next connection echoes."""
    async with client.connect(NEXT) as peer:
        await peer.send("and on")
        await client.see(peer)
