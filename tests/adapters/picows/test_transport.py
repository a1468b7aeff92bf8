"""The transport on a connection of its own, with a client that writes frames."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from anysocket import ConnectionClosed, Message
from anysocket_picows._engine import engage
from anysocket_picows._transport import PicowsTransport
from anysocket_servers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from anysocket_servers._frames import read_frame

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
LIMIT = 1000
TIMEOUT = 5.0
VIOLATIONS = {
    "text that is no UTF-8": (frame(TEXT, b"\xff"), 1007),
    "half a character": (frame(TEXT, b"\xc3", final=False) + frame(CONTINUATION, b""), 1007),
    "reserved bit": (frame(TEXT | 0x40, b"x"), 1002),
    "no beginning": (frame(CONTINUATION, b"x"), 1002),
    "no end": (frame(TEXT, b"x", final=False) + frame(TEXT, b"y"), 1002),
    "reserved opcode": (frame(0x3, b"x"), 1002),
    "close with 1006": (frame(CLOSE, (1006).to_bytes(2)), 1002),
    "close with 0": (frame(CLOSE, (0).to_bytes(2)), 1002),
    "close with 5000": (frame(CLOSE, (5000).to_bytes(2)), 1002),
    "close of one byte": (frame(CLOSE, b"x"), 1002),
    "reason that is no UTF-8": (frame(CLOSE, (1000).to_bytes(2) + b"\xff"), 1007),
    "too much": (frame(BINARY, bytes(LIMIT + 1)), 1009),
    "too much in fragments": (frame(BINARY, bytes(LIMIT), final=False) + frame(CONTINUATION, b"x"), 1009),
}
"""What is sent, and the code that it is answered with."""


class Door(asyncio.Protocol):
    """Answers the handshake with nothing, and remembers what is asked of it."""

    max_message_bytes = LIMIT
    ping_interval: float | None = None
    ping_timeout: float | None = None

    def __init__(self) -> None:
        self.denied: list[Any] = []
        self.gone = asyncio.Event()
        self.early = b""

    def connection_made(self, transport: Any) -> None:
        self.tcp = transport

    def accept(self, listener: Any, subprotocol: Any, headers: Any) -> Any:
        return engage(self.tcp, listener, KEY, lambda token: b"", LIMIT, self.early)[1]

    def deny(self, *refusal: Any) -> None:
        self.denied.append(refusal)

    def left(self) -> None:
        self.gone.set()


class Client:
    """The other end: frames by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, opcode: int, payload: bytes = b"", *, final: bool = True) -> None:
        self.writer.write(frame(opcode, payload, final=final))

    async def receive(self) -> tuple[int, bytes]:
        async with asyncio.timeout(TIMEOUT):
            return await read_frame(self.reader)

    async def ended(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            assert await self.reader.read() == b""


@pytest.fixture
async def pair():
    """A transport that has not accepted yet, its door, and the client."""
    ours, theirs = socket.socketpair()
    door = Door()
    await asyncio.get_running_loop().create_connection(lambda: door, sock=ours)
    client = Client(*await asyncio.open_connection(sock=theirs))
    yield PicowsTransport(door), door, client
    door.tcp.abort()
    client.writer.close()


@pytest.fixture
async def opened(pair):
    transport, door, client = pair
    await transport.accept(None, [])
    return transport, door, client


async def receive(transport) -> Message:
    async with asyncio.timeout(TIMEOUT):
        return transport.decode(await transport.receive())


async def send(transport, data) -> None:
    sending = transport.send_text(data) if isinstance(data, str) else transport.send_bytes(data)
    if sending is not None:
        async with asyncio.timeout(TIMEOUT):
            await sending


async def test_messages_both_ways(opened):
    transport, _, client = opened
    for opcode, data in ((TEXT, "ü"), (BINARY, b"\xff"), (TEXT, ""), (BINARY, b"")):
        payload = data.encode() if isinstance(data, str) else data
        client.send(opcode, payload)
        assert await receive(transport) == Message("bytes" if opcode == BINARY else "text", data)
        await send(transport, data)
        assert await client.receive() == (opcode, payload)


async def test_what_came_before_accept_is_received(pair):
    transport, door, client = pair
    door.early = frame(TEXT, b"early") + frame(TEXT, b"x" * LIMIT) * 8
    await transport.accept(None, [])
    client.send(TEXT, b"late")
    assert [len((await receive(transport)).data) for _ in range(10)] == [5, *[LIMIT] * 8, 4]


async def test_fragments_are_one_message(opened):
    transport, _, client = opened
    encoded = "grün".encode()
    client.send(TEXT, encoded[:3], final=False)
    client.send(PING, b"here?")
    client.send(CONTINUATION, b"", final=False)
    client.send(CONTINUATION, encoded[3:])
    assert await receive(transport) == Message("text", "grün")
    assert await client.receive() == (PONG, b"here?")
    client.send(BINARY, b"a", final=False)
    client.send(CONTINUATION, b"b")
    assert await receive(transport) == Message("bytes", b"ab")


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_what_breaks_the_protocol_is_the_end(opened, name):
    frames, code = VIOLATIONS[name]
    transport, door, client = opened
    client.writer.write(frames)
    opcode, payload = await client.receive()
    assert (opcode, int.from_bytes(payload[:2])) == (CLOSE, code)
    await client.ended()
    with pytest.raises(OSError, match="lost"):
        await receive(transport)
    assert door.gone.is_set()


@pytest.mark.parametrize("payload", [b"", (1000).to_bytes(2), (4999).to_bytes(2) + "grün".encode()])
async def test_a_close_of_the_peer_is_answered_with_the_same(opened, payload):
    transport, door, client = opened
    client.send(TEXT, b"first")
    client.send(CLOSE, payload)
    assert await client.receive() == (CLOSE, payload)
    await client.ended()
    assert (await receive(transport)).data == "first"
    closed = await receive(transport)
    expected = (int.from_bytes(payload[:2]), payload[2:].decode()) if payload else (1005, "")
    assert (closed.code, closed.reason) == expected
    with pytest.raises(OSError):  # noqa: PT011 - whatever it says
        await receive(transport)
    assert door.gone.is_set()


async def test_after_our_close_only_the_answer_is_of_interest(opened):
    transport, door, client = opened
    await transport.close(4001, "bye")
    assert await client.receive() == (CLOSE, (4001).to_bytes(2) + b"bye")
    client.send(TEXT, b"late")
    client.send(CLOSE, (4001).to_bytes(2))
    assert (await receive(transport)).code == 4001
    await client.ended()
    assert door.gone.is_set()


async def test_a_peer_that_does_not_answer_our_close(opened, monkeypatch):
    monkeypatch.setattr("anysocket_picows._transport.CLOSE_TIMEOUT", 0.05)
    transport, _, client = opened
    await transport.close(1000, "")
    await client.receive()
    await client.ended()
    with pytest.raises(OSError, match="lost"):
        await receive(transport)


async def test_after_the_end_a_send_fails(opened):
    transport, door, client = opened
    client.writer.close()
    await door.gone.wait()
    for data in ("x", b"x"):
        with pytest.raises(OSError, match="over"):
            await send(transport, data)
    await transport.close(1000, "")
    transport.release()
    transport.abort()


def stuck_send(transport, client) -> asyncio.Future[object]:
    """A send that waits, as the client has stopped reading."""
    client.writer.transport.pause_reading()
    waiting = None
    while waiting is None:
        waiting = transport.send_bytes(bytes(1 << 16))
    return asyncio.ensure_future(waiting)


async def test_a_slow_peer_is_waited_for(opened):
    transport, _, client = opened
    sending = stuck_send(transport, client)
    done, _ = await asyncio.wait({sending}, timeout=0.1)
    assert not done
    client.writer.transport.resume_reading()
    reading = asyncio.ensure_future(client.reader.read(-1))
    async with asyncio.timeout(TIMEOUT):
        await sending
    assert transport.send_text("and straight on") is None
    transport.abort()
    await reading


async def test_what_is_sent_while_tcp_holds_some_comes_after_it(opened):
    transport, door, client = opened
    client.writer.transport.pause_reading()
    count = 0
    while not door.tcp.get_write_buffer_size():
        assert transport.send_text(f"{count} ".ljust(8000)) is None
        count += 1
    client.writer.transport.resume_reading()
    for number in range(count, count + 1000):  # At some of them TCP has taken all that it held.
        await send(transport, f"{number} ")
        if number % 10 == 0:
            await asyncio.sleep(0)
    received = [int((await client.receive())[1]) for _ in range(count + 1000)]
    assert received == list(range(count + 1000))


async def test_who_waits_for_a_slow_peer_learns_of_the_end(opened):
    transport, _, client = opened
    sending = stuck_send(transport, client)
    await asyncio.sleep(0)
    transport.abort()
    with pytest.raises(OSError, match="over"):
        await sending


async def test_who_has_left_cannot_be_accepted(pair):
    transport, _, _ = pair
    transport.lost()
    with pytest.raises(ConnectionClosed) as closed:
        await transport.accept(None, [])
    assert (closed.value.code, closed.value.by) == (1006, "lost")


async def test_who_has_left_is_refused_without_a_word(pair):
    transport, door, _ = pair
    await transport.deny(403, [], b"")
    transport.lost()
    await transport.deny(403, [], b"")
    assert door.denied == [(403, [], b"")]


async def test_released_it_ends_tcp(opened):
    transport, _, client = opened
    transport.release()
    await client.ended()


async def test_the_servers_end_is_told_to_both(opened):
    transport, _, client = opened
    transport.shut_down()
    assert await client.receive() == (CLOSE, (1012).to_bytes(2))
    await client.ended()
    assert (await receive(transport)).code == 1012
