"""Nothing a peer sends and nothing a handler does may stop the server process (contract 3.5).

Each case is many rounds, several at a time. After them the same process must still serve, and have let
go of the sockets.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anysocket_servers import BINARY, CLOSE, TEXT, FrameConnection, Handshake, frame, header

AT_ONCE = 20
HUNDRED_MB = 100_000_000
Round = Callable[[FrameConnection], Awaitable[None]]


def refused(path: str) -> Round:
    async def play(client: FrameConnection) -> None:
        assert (await client.upgrade(Handshake(path))).status in (403, 404, 418, 500)

    return play


async def unknown_path(client: FrameConnection) -> None:
    assert (await client.upgrade(Handshake("/no/such/path"))).accepted
    opcode, _ = await client.receive() or (None, b"")
    assert opcode == CLOSE


def says(path: str, expected: bytes) -> Round:
    async def play(client: FrameConnection) -> None:
        assert (await client.upgrade(Handshake(path))).accepted
        assert await client.receive() == (TEXT, expected)

    return play


async def reset_before_handshake(client: FrameConnection) -> None:
    client.reset()


async def reset_during_handshake(client: FrameConnection) -> None:
    request = client.request(Handshake("/echo"))
    client.write(request[: random.randrange(1, len(request))])
    await asyncio.sleep(random.random() / 200)
    client.reset()


async def reset_while_accept_is_due(client: FrameConnection) -> None:
    client.write(client.request(Handshake("/accept-after-pause")))
    await asyncio.sleep(random.random() / 100)
    client.reset()


async def reset_right_after_request(client: FrameConnection) -> None:
    client.write(client.request(Handshake("/echo")))
    client.reset()


async def reset_after_handshake(client: FrameConnection) -> None:
    await client.upgrade(Handshake("/echo"))
    client.reset()


async def reset_with_message_unanswered(client: FrameConnection) -> None:
    await client.upgrade(Handshake("/echo"))
    for _ in range(random.randrange(1, 20)):
        client.send(TEXT, b"hello")
    await asyncio.sleep(random.random() / 200)
    client.reset()


async def reset_while_handler_sends(client: FrameConnection) -> None:
    await client.upgrade(Handshake("/flood?key=none"))
    for _ in range(random.randrange(3)):
        await client.receive()
    client.reset()


async def reset_during_close(client: FrameConnection) -> None:
    await client.upgrade(Handshake("/close-after/1000?key=none"))
    client.send(CLOSE, b"\x03\xe8")
    client.reset()


async def garbage_for_handshake(client: FrameConnection) -> None:
    client.write(random.randbytes(200) + b"\r\n\r\n")
    client.reset()


async def half_a_handshake(client: FrameConnection) -> None:
    """A key that is none and no version."""
    client.write(b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    await asyncio.sleep(random.random() / 100)


def bad_bytes(*data: bytes) -> Round:
    """What follows breaks RFC 6455; the server ends the connection or waits for more."""

    async def play(client: FrameConnection) -> None:
        assert (await client.upgrade(Handshake("/echo"))).accepted
        client.write(b"".join(data))
        await asyncio.sleep(random.random() / 100)
        client.reset()

    return play


def ended_by(*data: bytes) -> Round:
    """What follows breaks RFC 6455 and the server ends the connection at once."""

    async def play(client: FrameConnection) -> None:
        assert (await client.upgrade(Handshake("/echo"))).accepted
        client.write(b"".join(data))
        await client.ended()

    return play


ROUNDS: dict[str, Round] = {
    "unknown path": unknown_path,
    "return before accept": refused("/return"),
    "raise before accept": refused("/raise"),
    "close(1000) before accept": refused("/close/1000"),
    "close(1001) before accept": refused("/close/1001"),
    "close(1008) before accept": refused("/close/1008"),
    "close(4999) before accept": refused("/close/4999"),
    "deny(404)": refused("/deny/404"),
    "deny with two headers of one name": refused("/deny-twice-named"),
    "deny with what is no status or header": refused("/deny-injection"),
    "double accept": says("/double-accept", b"WebSocketStateError"),
    "two tasks accept": says("/double-accept-at-once", b"NoneType, WebSocketStateError"),
    "deny after accept": says("/deny-after-accept", b"WebSocketStateError"),
    "header injection": says("/header-injection", b"5"),
    "reset before the handshake": reset_before_handshake,
    "reset during the handshake": reset_during_handshake,
    "reset right after the request": reset_right_after_request,
    "reset while accept is due": reset_while_accept_is_due,
    "reset after the handshake": reset_after_handshake,
    "reset with messages unanswered": reset_with_message_unanswered,
    "reset while the handler sends": reset_while_handler_sends,
    "reset during the close": reset_during_close,
    "garbage instead of a handshake": garbage_for_handshake,
    "handshake without a key": half_a_handshake,
    "unmasked frame": ended_by(frame(TEXT, b"bare", masked=False)),
    "invalid UTF-8": ended_by(frame(TEXT, b"\xff\xfe")),
    "unknown opcode": ended_by(frame(0x5, b"?")),
    "unmasked, reset": bad_bytes(frame(TEXT, b"bare", masked=False)),
    "100 MB announced": bad_bytes(header(BINARY, HUNDRED_MB), bytes(4), bytes(1000)),
    "2**63 bytes announced": bad_bytes(header(TEXT, (1 << 63) - 1), bytes(4)),
    "close frame of one byte": ended_by(frame(CLOSE, b"\x03")),
    "control frame too long": bad_bytes(frame(0x9, bytes(126))),
}


async def process(running) -> dict[str, Any]:
    async with running.connect("/process") as peer:
        answer: dict[str, Any] = await peer.receive_json()
        return answer


async def play(running, rounds: Round, number: int) -> None:
    """``number`` times ``rounds``, then an echo; the process is the one from before."""
    before = await process(running)

    async def play_one() -> None:
        async with running.frames() as client:
            await rounds(client)

    for first in range(0, number, AT_ONCE):
        await asyncio.gather(*(play_one() for _ in range(min(AT_ONCE, number - first))))
    async with running.connect("/echo") as peer:
        await peer.send("still there?")
        assert await peer.receive_text() == "still there?"
    assert (await process(running))["pid"] == before["pid"]
    assert "panicked" not in running.log()
    await sockets_let_go(running, before["sockets"])


async def sockets_let_go(running, before: int | None) -> None:
    """The process has no more sockets than before, but for a few that are on their way out."""
    if before is None:
        return
    async with asyncio.timeout(5):
        while (await process(running))["sockets"] > before + 3:
            await asyncio.sleep(0.05)


@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
@pytest.mark.parametrize("name", ROUNDS)
@pytest.mark.slow
async def test_granian_lives_through_200_rounds(running, name):
    await play(running, ROUNDS[name], 200)


@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
async def test_granian_lives_through_200_unknown_paths_denied(serve):
    await play(serve("unmatched_app:app"), refused("/no/such/path"), 200)


@pytest.mark.needs("process")
@pytest.mark.not_on("granian-rsgi", "granian-rsgi-mt", reason="has its own test, of more rounds")
async def test_other_servers_answer_after_every_case(running, subtests):
    for name, rounds in ROUNDS.items():
        with subtests.test(name):
            await play(running, rounds, 6)


@pytest.mark.parametrize("when", ["before accept", "by accept"])
@pytest.mark.needs("process")
async def test_peer_gone_before_accept_ends_the_handler(running, ask, told, key, when):
    """However the server tells it: from accept, or from the first receive."""
    async with running.frames() as client:
        client.write(client.request(Handshake(f"/wait-before-accept?key={key}")))
        await told()
        if when == "before accept":
            client.reset()
        await ask(running, f"/tell/{key}-gone")
        if when == "by accept":
            client.reset()
        assert (await told(f"{key}-outcome"))["outcome"] in ("closed 1006", "accepted")
    async with running.connect("/echo") as peer:
        await peer.send("next")
        assert await peer.receive_text() == "next"


@pytest.mark.parametrize("path", ["/echo", "/sleep?key=unused", "/close-after/1000?key=unused"])
@pytest.mark.needs("process")
async def test_nothing_is_kept_of_a_connection_that_is_over(running, ask, path):
    """Not even what the garbage collector cannot see into: the futures of servers written in Rust."""
    before = (await ask(running, "/websockets"))["kept"]
    for _ in range(10):
        async with running.connect(path) as peer:
            await peer.close()
    async with asyncio.timeout(5):
        while (await ask(running, "/websockets"))["kept"] > before + 1:
            await asyncio.sleep(0.05)


@pytest.mark.needs("process")
async def test_a_peer_reset_at_once_does_not_leave_its_flood_alone_in_the_process(running):
    """Servers take what is sent to a dead peer at once: such a handler never waits for anything."""
    for _ in range(10):
        async with running.frames() as client:
            client.write(client.request(Handshake("/flood-without-a-pause")))
            await asyncio.sleep(0)
            client.reset()
    async with running.connect("/echo") as peer:
        await peer.send("still there?")
        assert await peer.receive_text() == "still there?"
