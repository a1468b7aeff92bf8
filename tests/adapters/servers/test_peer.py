"""The peer over a socket, against servers that play a script."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from scripted_server import ACCEPTED, SOON, connected, listening, read_masked, say, unmasked

from anysocket import ConnectionClosed, Message
from anysocket.testing import Refused
from anysocket_servers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Handshake, connect_socket

KIB = 1 << 10
MIB = 1 << 20


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return unmasked(CLOSE, struct.pack("!H", code) + reason)


# -- the handshake --


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"content-length: 4\r\n\r\nbusyAND MORE", b"busy"),
        (b"transfer-encoding: chunked\r\n\r\n2\r\nbu\r\n2\r\nsy\r\n0\r\n\r\n", b"busy"),
        (b"connection: close\r\n\r\nbusy", b"busy"),
        (b"content-length: 0\r\n\r\n", b""),
    ],
    ids=["length", "chunked", "to-the-end", "empty"],
)
async def test_refusal_is_raised_with_status_headers_and_body(answer, body):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nX-Why: one\r\nx-why: two\r\n" + answer)

    async with listening(refuse) as endpoint:
        with pytest.raises(Refused) as refused:
            async with connect_socket(endpoint, Handshake("/")):
                pass
    assert (refused.value.status, refused.value.body) == (503, body)
    assert refused.value.headers.getlist("x-why") == ["one", "two"]


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 ", b"nonsense\r\n\r\n"], ids=["nothing", "cut", "nonsense"]
)
async def test_handshake_that_is_cut_is_refused_without_a_status(answer):
    async def cut(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with listening(cut) as endpoint:
        with pytest.raises(Refused) as refused:
            async with connect_socket(endpoint, Handshake("/")):
                pass
    assert refused.value.status == 0


async def test_handshake_without_an_answer_fails_in_time():
    async def silent(reader, writer):
        await reader.read()

    async with listening(silent) as endpoint:
        with pytest.raises(AssertionError, match=r"/path\?a=1: the handshake was not answered"):
            async with connect_socket(endpoint, Handshake("/path?a=1"), SOON):
                pass


async def test_handshake_says_what_it_was_told_to():
    heads: list[bytes] = []

    async def accept(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ACCEPTED.replace(b"\r\n\r\n", b"\r\nX-One: 1\r\nsec-websocket-protocol: chat\r\n\r\n"))
        await read_masked(reader)

    handshake = Handshake("/a%20b?c=1", (("X-Name", "J\xfcrgen"), ("x-name", "two")), ("soap", "chat"))
    async with listening(accept) as endpoint:
        async with connect_socket(endpoint, handshake) as peer:
            assert (peer.subprotocol, peer.response_headers.get("x-one")) == ("chat", "1")
        first, *lines = heads[0].decode("latin-1").split("\r\n")
        assert first == "GET /a%20b?c=1 HTTP/1.1"
        assert f"host: 127.0.0.1:{endpoint.port}" in lines
        assert "X-Name: J\xfcrgen" in lines and "x-name: two" in lines
        assert "sec-websocket-protocol: soap, chat" in lines


async def test_host_may_be_another():
    heads: list[bytes] = []

    async def accept(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ACCEPTED)
        await read_masked(reader)

    async with (
        listening(accept) as endpoint,
        connect_socket(endpoint, Handshake("/", (("Host", "example.com"),))),
    ):
        pass
    assert heads[0].lower().count(b"\r\nhost:") == 1 and b"\r\nHost: example.com\r\n" in heads[0]


# -- messages --


async def test_fragments_are_one_message_and_pings_in_between_are_answered():
    seen: list[tuple[int, bytes]] = []

    async def script(reader, writer):
        writer.write(unmasked(TEXT, "Gr\xfc".encode()[:3], final=False))
        writer.write(unmasked(PING, b"here?"))
        seen.append(await read_masked(reader))
        writer.write(unmasked(CONTINUATION, "Gr\xfc".encode()[3:], final=False))
        writer.write(unmasked(CONTINUATION, b"n") + unmasked(BINARY, b"\xff") + unmasked(TEXT))
        await read_masked(reader)

    async with connected(script) as peer:
        assert await peer.receive() == Message("text", "Gr\xfcn")
        assert await peer.receive() == Message("bytes", b"\xff")
        assert await peer.receive() == Message("text", "")
    assert seen == [(PONG, b"here?")]


async def test_frame_that_comes_with_the_answer_is_not_lost():
    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED + unmasked(TEXT, b"at once"))
        await read_masked(reader)

    async with listening(script) as endpoint, connect_socket(endpoint, Handshake("/")) as peer:
        assert await peer.receive_text() == "at once"


async def test_ping_waits_for_its_own_pong():
    async def script(reader, writer):
        opcode, payload = await read_masked(reader)
        assert opcode == PING
        writer.write(unmasked(PONG, b"another") + unmasked(PONG, payload))
        await read_masked(reader)  # The second ping.
        await read_masked(reader)

    async with connected(script) as peer:
        await peer.ping()
        with pytest.raises(AssertionError, match=r"expected a pong within 0\.2 s"):
            await peer.ping(SOON)


async def send_chunks(peer, number):
    for _ in range(number):
        await peer.send_bytes(bytes(MIB))


async def test_a_server_that_does_not_read_holds_the_peer_back_and_fails_the_test():
    over = asyncio.Event()

    async def script(reader, writer):
        writer.transport.pause_reading()
        await over.wait()

    async with connected(script) as peer:
        peer.timeout = SOON
        with pytest.raises(AssertionError, match="expected the app to take Message"):
            await send_chunks(peer, 32)
        over.set()


@pytest.mark.parametrize("pauses", [False, True], ids=["nobody receives", "pause_reading"])
async def test_a_peer_that_does_not_read_holds_the_server_back(pauses):
    """The system's buffers take some MiB; the peer itself a few messages."""
    sent = 0
    stuck = asyncio.Event()

    async def script(reader, writer):
        nonlocal sent
        for _ in range(64 * 16):
            writer.write(unmasked(BINARY, bytes(64 * KIB)))
            draining = asyncio.ensure_future(writer.drain())
            await asyncio.wait({draining}, timeout=SOON)
            if not draining.done():
                stuck.set()
            await draining
            sent += 64 * KIB
        stuck.set()

    async def until_it_is_reset(reader, writer):
        with contextlib.suppress(ConnectionError):
            await script(reader, writer)

    async with connected(until_it_is_reset if pauses else script) as peer:
        if pauses:
            peer.pause_reading()
        await asyncio.wait_for(stuck.wait(), 5)
        assert sent < 32 * MIB
        if not pauses:
            for _ in range(64 * 16):
                assert len(await peer.receive_bytes()) == 64 * KIB
            assert sent == 64 * MIB
        else:
            await peer.abort()


# -- the end --


async def test_close_comes_once_and_is_answered_with_its_code():
    seen: list[tuple[int, bytes]] = []

    async def script(reader, writer):
        writer.write(unmasked(TEXT, b"last") + close_frame(4001, b"bye"))
        seen.append(await read_masked(reader))

    async with connected(script) as peer:
        assert await peer.receive_text() == "last"
        assert await peer.receive() == Message("close", "bye", 4001, "bye")
        for call in (peer.receive(), peer.send_text("too late"), peer.send_bytes(b"too late")):
            with pytest.raises(ConnectionClosed) as closed:
                await call
            assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "peer")
        await peer.wait_ended()
    assert seen == [(CLOSE, struct.pack("!H", 4001) + b"bye")]


async def test_close_without_a_code_reads_1005():
    async with connected(say(unmasked(CLOSE))) as peer:
        assert (await peer.receive_close()).code == 1005


async def test_close_of_the_peer_is_sent_at_once_and_its_answer_received_after_the_rest():
    async def script(reader, writer):
        assert await read_masked(reader) == (CLOSE, struct.pack("!H", 4001) + b"bye")
        writer.write(unmasked(TEXT, b"on its way") + close_frame(1000))

    async with connected(script) as peer:
        await peer.close(4001, "bye")
        await peer.close(4002)
        with pytest.raises(ConnectionClosed) as closed:
            await peer.send_text("too late")
        assert (closed.value.code, closed.value.by) == (4001, "us")
        assert await peer.receive_text() == "on its way"
        assert await peer.receive_close() == Message("close", "", 1000)
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "us")
        await peer.wait_ended()


@pytest.mark.parametrize("how", ["FIN", "RST"])
async def test_connection_that_ends_without_a_close_is_lost(how):
    async def script(reader, writer):
        writer.write(unmasked(TEXT, b"last words"))
        await writer.drain()
        await reader.readexactly(1)
        if how == "RST":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async with connected(script) as peer:
        assert await peer.receive_text() == "last words"
        await peer.send_text("go")
        for _ in range(2):
            with pytest.raises(ConnectionClosed) as closed:
                await peer.receive()
            assert (closed.value.code, closed.value.by) == (1006, "lost")
        with pytest.raises(ConnectionClosed) as closed:
            await peer.send_text("too late")
        assert closed.value.code == 1006


async def test_the_peer_ends_its_half_when_the_server_has():
    """As clients do; there are servers that wait for it."""
    ended = asyncio.Event()

    async def script(reader, writer):
        writer.write(close_frame(1000))
        writer.write_eof()
        await reader.read()
        ended.set()

    async with connected(script) as peer:
        await peer.receive_close()
        await asyncio.wait_for(ended.wait(), 1)


@pytest.mark.parametrize("how", ["abort", "hang_up"])
async def test_vanishing_is_a_reset_or_the_end_of_tcp_and_no_close_frame(how):
    seen: list[object] = []

    async def script(reader, writer):
        try:
            seen.append(await reader.read())
        except ConnectionResetError:
            seen.append("reset")

    async with connected(script) as peer:
        await getattr(peer, how)()
        for call in (peer.receive(), peer.send_text("too late")):
            with pytest.raises(ConnectionClosed):
                await call
    assert seen == ["reset" if how == "abort" else b""]


async def test_leaving_closes_and_does_not_wait_long_for_the_answer():
    seen: list[tuple[int, bytes]] = []

    async def script(reader, writer):
        seen.append(await read_masked(reader))
        await reader.read()

    async with asyncio.timeout(3), connected(script):
        pass
    assert seen == [(CLOSE, struct.pack("!H", 1000))]


async def test_waiting_for_an_end_that_does_not_come_is_bounded():
    async with connected(say(close_frame(1000))) as peer:
        await peer.receive_close()
        with pytest.raises(AssertionError, match=r"expected the end of TCP within 0\.2 s"):
            await peer.wait_ended(SOON)
