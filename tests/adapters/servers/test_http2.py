"""A WebSocket over a stream of HTTP/2, against servers that play a script (RFC 8441)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, TypeVar

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import pytest
from scripted_server import SOON, listening, unmasked

from anysocket import ConnectionClosed
from anysocket.testing import Refused
from anysocket_servers import BINARY, TEXT, Endpoint, Handshake, connect_socket

KIB = 1 << 10
STREAM = 1
Event = TypeVar("Event", bound=h2.events.Event)


class Server:
    """The server's end of one stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: list[h2.events.Event] = []
        self.http2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        allowed = {h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1}
        self.http2.local_settings = h2.settings.Settings(client=False, initial_values=allowed)
        self.http2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self._writer.write(self.http2.data_to_send())

    async def next(self, kind: type[Event]) -> Event:
        """The next event of this kind. ``EOFError`` at the end of TCP."""
        while True:
            while self._waiting:
                event = self._waiting.pop(0)
                if isinstance(event, kind):
                    return event
            data = await self._reader.read(64 * KIB)
            if not data:
                raise EOFError
            self._waiting += self.http2.receive_data(data)
            self.flush()

    async def answer(self, status: int, *headers: tuple[bytes, bytes], end: bool = False) -> Any:
        """Answer the handshake and return its headers."""
        request = await self.next(h2.events.RequestReceived)
        self.http2.send_headers(STREAM, [(b":status", b"%d" % status), *headers], end_stream=end)
        self.flush()
        return request.headers

    def send(self, data: bytes, *, end: bool = False) -> None:
        self.http2.send_data(STREAM, data, end_stream=end)
        self.flush()


@contextlib.asynccontextmanager
async def playing(script):
    """Where ``script`` answers over HTTP/2."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = Server(reader, writer)
        with contextlib.suppress(EOFError):
            await script(server)

    async with listening(play) as endpoint:
        yield Endpoint(port=endpoint.port, http_version="2")


async def refused_by(script) -> Refused:
    async with playing(script) as endpoint:
        with pytest.raises(Refused) as refused:
            async with connect_socket(endpoint, Handshake("/")):
                pass
    return refused.value


# -- the handshake --


async def test_handshake_is_an_extended_connect():
    asked: list[Any] = []

    async def script(server):
        asked.append(await server.answer(200, (b"sec-websocket-protocol", b"chat"), (b"x-one", b"1")))
        await server.next(h2.events.DataReceived)

    handshake = Handshake("/a%20b?c=1", (("X-Name", "one"),), ("soap", "chat"))
    async with playing(script) as endpoint, connect_socket(endpoint, handshake) as peer:
        assert (peer.subprotocol, peer.response_headers.get("x-one")) == ("chat", "1")
    assert dict(asked[0]) == {
        b":method": b"CONNECT",
        b":protocol": b"websocket",
        b":scheme": b"http",
        b":path": b"/a%20b?c=1",
        b":authority": f"127.0.0.1:{endpoint.port}".encode(),
        b"sec-websocket-version": b"13",
        b"sec-websocket-protocol": b"soap, chat",
        b"x-name": b"one",
    }


async def test_refusal_has_status_headers_and_body():
    async def script(server):
        await server.answer(503, (b"x-why", b"one"), (b"x-why", b"two"))
        server.send(b"come back ")
        server.send(b"later", end=True)

    refused = await refused_by(script)
    assert (refused.status, refused.body) == (503, b"come back later")
    assert refused.headers.getlist("x-why") == ["one", "two"]


async def test_refusal_without_a_body():
    async def script(server):
        await server.answer(403, end=True)

    assert (await refused_by(script)).status == 403


async def reset_the_stream(server):
    await server.next(h2.events.RequestReceived)
    server.http2.reset_stream(STREAM, h2.errors.ErrorCodes.REFUSED_STREAM)
    server.flush()


async def go_away(server):
    await server.next(h2.events.RequestReceived)
    server.http2.close_connection()
    server.flush()


async def cut_tcp(server):
    await server.next(h2.events.RequestReceived)


async def say_nothing(server):
    pass


@pytest.mark.parametrize("script", [reset_the_stream, go_away, cut_tcp, say_nothing])
async def test_handshake_that_is_cut_is_refused_without_a_status(script):
    assert (await refused_by(script)).status == 0


async def test_handshake_without_an_answer_fails_in_time():
    async def script(server):
        await server.next(h2.events.ConnectionTerminated)

    async with playing(script) as endpoint:
        with pytest.raises(AssertionError, match="the handshake was not answered"):
            async with connect_socket(endpoint, Handshake("/"), SOON):
                pass


# -- the windows --


async def test_a_peer_that_does_not_read_leaves_the_window_shut_until_it_does():
    chunk = unmasked(BINARY, bytes(8 * KIB))
    chunks = 200
    sent = 0
    stuck = asyncio.Event()

    async def script(server):
        nonlocal sent
        await server.answer(200)
        while sent < chunks:
            while server.http2.local_flow_control_window(STREAM) < len(chunk):
                waiting = asyncio.ensure_future(server.next(h2.events.WindowUpdated))
                await asyncio.wait({waiting}, timeout=SOON)
                if not waiting.done():
                    stuck.set()
                await waiting
            server.send(chunk)
            sent += 1
        await server.next(h2.events.DataReceived)

    async with playing(script) as endpoint, connect_socket(endpoint, Handshake("/")) as peer:
        await asyncio.wait_for(stuck.wait(), 5)
        # The peer's messages, twice its buffer, and the window.
        assert sent * len(chunk) < 512 * KIB
        for _ in range(chunks):
            assert await peer.receive_bytes() == bytes(8 * KIB)
    assert sent == chunks


async def test_a_server_that_opens_no_window_holds_the_peer_back():
    opens, complete = asyncio.Event(), asyncio.Event()
    received = bytearray()

    async def script(server):
        await server.answer(200)
        while len(received) < 200 * KIB:
            data = await server.next(h2.events.DataReceived)
            received.extend(data.data)
            if len(received) >= 65535:  # All of the first window.
                await opens.wait()
            server.http2.acknowledge_received_data(data.flow_controlled_length, STREAM)
            server.flush()
        complete.set()

    async with playing(script) as endpoint, connect_socket(endpoint, Handshake("/"), SOON) as peer:
        with pytest.raises(AssertionError, match="expected the app to take Message"):
            await peer.send_bytes(bytes(200 * KIB))
        opens.set()
        peer.timeout = 5.0
        await peer.send_bytes(b"and on")
        await asyncio.wait_for(complete.wait(), 5)


# -- the end --


async def end_the_stream(server):
    await server.answer(200)
    server.send(unmasked(TEXT, b"last words"), end=True)


async def reset_the_answered_stream(server):
    await server.answer(200)
    server.send(unmasked(TEXT, b"last words"))
    server.http2.reset_stream(STREAM)
    server.flush()


async def cut_tcp_after_the_answer(server):
    await server.answer(200)
    server.send(unmasked(TEXT, b"last words"))


@pytest.mark.parametrize("script", [end_the_stream, reset_the_answered_stream, cut_tcp_after_the_answer])
async def test_stream_that_ends_without_a_close_is_lost(script):
    async with playing(script) as endpoint, connect_socket(endpoint, Handshake("/")) as peer:
        assert await peer.receive_text() == "last words"
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert (closed.value.code, closed.value.by) == (1006, "lost")
        await peer.wait_ended()
        with pytest.raises(ConnectionClosed):
            await peer.send_text("too late")
