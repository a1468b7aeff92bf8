"""The opening handshake (RFC 6455 section 4.2) as bytes."""

from __future__ import annotations

import base64
import binascii
import http

import h11

from anysocket._transport import RawHeaders
from anysocket_asgi._transport import with_length

VERSION = b"13"
KEY_BYTES = 16


class Unacceptable(Exception):
    """A request that no application is asked about."""

    def __init__(self, status: int, why: str, headers: RawHeaders = ()) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers


class Handshake:
    """One request, and its answer as bytes.

    uvicorn has read it already, found that it asks for an upgrade to WebSocket, and wrote it anew for us:
    it is whole.
    """

    def __init__(self, data: bytes) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data))
        self.target = b"/"
        self.headers: list[tuple[bytes, bytes]] = []
        self.key = b""
        try:
            self._connection.receive_data(data)
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            self._unreadable: str | None = str(error)
            return
        assert isinstance(event, h11.Request)
        self._unreadable = None
        self._method = event.method
        self.target = event.target
        self.headers = [(bytes(name), bytes(value)) for name, value in event.headers]

    def check(self) -> None:
        """Raises :class:`Unacceptable` for what section 4.2.1 does not allow."""
        if self._unreadable is not None:
            raise Unacceptable(400, self._unreadable)
        if self._method != b"GET":
            raise Unacceptable(405, "a WebSocket is asked for with GET", [(b"allow", b"GET")])
        versions = self._values(b"sec-websocket-version")
        if versions != [VERSION]:
            why = f"Sec-WebSocket-Version must be {VERSION.decode()}, once"
            raise Unacceptable(426, why, [(b"sec-websocket-version", VERSION), (b"upgrade", b"websocket")])
        keys = self._values(b"sec-websocket-key")
        if len(keys) != 1 or not _is_key(keys[0]):
            raise Unacceptable(400, f"Sec-WebSocket-Key must be {KEY_BYTES} bytes in base64, once")
        self.key = keys[0]

    def accept(self, token: str, subprotocol: str | None, headers: RawHeaders) -> bytes:
        """The 101 (section 4.2.2). ``token`` is the value of ``Sec-WebSocket-Accept``."""
        answer = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", token.encode("ascii")),
        ]
        if subprotocol is not None:
            answer.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        switching = h11.InformationalResponse(
            status_code=101, headers=[*answer, *headers], reason=b"Switching Protocols"
        )
        return self._connection.send(switching) or b""

    def refuse(self, status: int, headers: RawHeaders, body: bytes) -> bytes:
        """Another HTTP response, after which the connection is closed."""
        fields = [pair for pair in headers if pair[0].lower() not in (b"connection", b"transfer-encoding")]
        fields = with_length(fields, body)
        fields.append((b"connection", b"close"))
        try:
            reason = http.HTTPStatus(status).phrase.encode()
        except ValueError:
            reason = b""
        response = h11.Response(status_code=status, headers=fields, reason=reason)
        parts = (response, h11.Data(data=body), h11.EndOfMessage())
        return b"".join(self._connection.send(part) or b"" for part in parts)

    def _values(self, wanted: bytes) -> list[bytes]:
        return [value for name, value in self.headers if name == wanted]


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False
