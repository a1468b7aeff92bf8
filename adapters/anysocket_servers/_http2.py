"""A WebSocket as a stream of HTTP/2: extended CONNECT (RFC 8441)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from anysocket_servers._endpoint import Endpoint, Stream, open_stream
from anysocket_servers._handshake import Answer, Handshake

STREAM_ID = 1
WINDOW_BYTES = 1 << 16


class HTTP2Stream(Stream):
    """The bytes of the one stream of an HTTP/2 connection."""

    def __init__(self, carrier: Stream) -> None:
        self.reader = asyncio.StreamReader(limit=WINDOW_BYTES)
        self.reader.set_transport(self)  # type: ignore[arg-type] # It only asks for pauses.
        self._carrier = carrier
        self._paused = False
        self._unacknowledged = 0
        self._http2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self._unsent = bytearray()
        self._room = asyncio.Event()
        self._settled = asyncio.Event()
        self._answered = asyncio.Event()
        self._answer = Answer(0)
        self._over = False
        self._http2.initiate_connection()
        self._flush()

    async def connect(self, endpoint: Endpoint, handshake: Handshake) -> Answer:
        """Ask for a WebSocket."""
        await self._settled.wait()
        extra = [(name.lower(), value) for name, value in handshake.extra_headers()]
        hosts = [value for name, value in extra if name == b"host"]
        headers = [
            (b":method", b"CONNECT"),
            (b":protocol", b"websocket"),
            (b":scheme", b"https" if endpoint.trust else b"http"),
            (b":path", handshake.path.encode("latin-1")),
            (b":authority", hosts[0] if hosts else endpoint.authority.encode()),
            (b"sec-websocket-version", b"13"),
            *(pair for pair in extra if pair[0] != b"host"),
        ]
        if not self._over:
            self._http2.send_headers(STREAM_ID, headers)
            self._flush()
        await self._answered.wait()
        if not self._answer.accepted:
            with contextlib.suppress(ConnectionError):
                return Answer(self._answer.status, self._answer.headers, await self.reader.read())
        return self._answer

    async def pump(self) -> None:
        """Read the connection to its end."""
        try:
            while data := await self._carrier.reader.read(1 << 16):
                for event in self._http2.receive_data(data):
                    self._take(event)
                self._flush()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        finally:
            self._end()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RemoteSettingsChanged():
                self._settled.set()
            case h2.events.ResponseReceived(headers=pairs):
                status = int(dict(pairs)[b":status"])
                headers = [(bytes(name), bytes(value)) for name, value in pairs if not name.startswith(b":")]
                self._answer = Answer(status, headers)
                self._answered.set()
            case h2.events.DataReceived(data=data, flow_controlled_length=length):
                self._unacknowledged += length or 0
                self.reader.feed_data(data or b"")
                self._acknowledge()
            case h2.events.StreamEnded() | h2.events.StreamReset() | h2.events.ConnectionTerminated():
                self._end()
            case h2.events.WindowUpdated():
                self._send_unsent()
            case _:
                pass

    def pause_reading(self) -> None:
        """Of a transport: what came waits unread. The server's window stays as it is."""
        self._paused = True

    def resume_reading(self) -> None:
        """Of a transport: more may come."""
        self._paused = False
        self._acknowledge()
        self._flush()

    def _acknowledge(self) -> None:
        if not self._paused and not self._over and self._unacknowledged:
            self._http2.acknowledge_received_data(self._unacknowledged, STREAM_ID)
            self._unacknowledged = 0

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self.reader.feed_eof()
            for event in (self._settled, self._answered, self._room):
                event.set()

    def write(self, data: bytes) -> None:
        if not self._over:
            self._unsent += data
            self._send_unsent()

    def _send_unsent(self) -> None:
        while self._unsent and not self._over:
            size = min(
                self._http2.local_flow_control_window(STREAM_ID),
                self._http2.max_outbound_frame_size,
                len(self._unsent),
            )
            if size <= 0:
                break
            self._http2.send_data(STREAM_ID, bytes(self._unsent[:size]))
            del self._unsent[:size]
        if not self._unsent:
            self._room.set()
        self._flush()

    async def drain(self) -> None:
        if self._over:
            raise BrokenPipeError("the stream is over")
        if self._unsent:
            self._room.clear()
            await self._room.wait()
        await self._carrier.drain()

    def _flush(self) -> None:
        self._carrier.write(self._http2.data_to_send())

    def hang_up(self) -> None:
        self._carrier.hang_up()

    def reset(self) -> None:
        self._carrier.reset()


@contextlib.asynccontextmanager
async def open_http2(endpoint: Endpoint) -> AsyncIterator[HTTP2Stream]:
    """An HTTP/2 connection for one WebSocket, dropped at the end. Raises as :func:`open_stream`."""
    async with open_stream(endpoint) as carrier:
        stream = HTTP2Stream(carrier)
        pump = asyncio.create_task(stream.pump())
        try:
            yield stream
        finally:
            pump.cancel()
