"""picows' server side, put on a TCP connection whose HTTP request was read by somebody else."""

from __future__ import annotations

import logging
import socket
from asyncio import Transport
from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from picows import (
    WSAutoPingStrategy,
    WSListener,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined] # Not in its stubs.

READ_BUFFER_BYTES = 4096
"""At the start: it grows with what comes."""
REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n"
)
"""What picows gets to read of a handshake that was checked already. It would refuse ``Connection: keep-alive,
Upgrade``, as Firefox sends it."""


class _Quiet(logging.LoggerAdapter[logging.Logger]):
    """What peers do wrong, and that they come and go, is no news to who runs a server; failures are."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        super().log(level if kwargs.get("exc_info") else logging.DEBUG, msg, *args, **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs


LOGGER = _Quiet(logging.getLogger("anysocket.picows"))


class _Response(WSUpgradeResponse):
    """The handshake's answer, which ``write`` composes from the value of ``Sec-WebSocket-Accept``."""

    def __init__(self, write: Callable[[str], bytes]) -> None:
        accepted = WSUpgradeResponse.create_101_response()
        self.version, self.status, self.headers = accepted.version, accepted.status, accepted.headers
        self.body = None
        self._write = write

    def to_bytes(self) -> bytearray:
        return bytearray(self._write(self.headers["Sec-WebSocket-Accept"]))


class _Handed:
    """TCP's transport as picows gets it.

    Before each frame picows asks how much is still to be written, to know whether anything is. asyncio adds
    that up in Python, which takes a tenth of a broadcast's time; how many chunks there are does as well.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        buffer = getattr(transport, "_buffer", None)
        if isinstance(buffer, deque | bytearray):  # From Python 3.12 on, and before.
            self.get_write_buffer_size = buffer.__len__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Of large messages. asyncio's own, up to Python 3.12.8 and 3.13.1, tells nobody that the peer is too
        slow, and fills memory (CVE-2024-12254)."""
        self._transport.write(b"".join(parts))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket, if it is a unix socket, ignores the options of TCP that picows sets."""
        found = self._transport.get_extra_info(name, default)
        is_unix = name == "socket" and found.family == getattr(socket, "AF_UNIX", None)
        return _UnixSocket(found) if is_unix else found


class _UnixSocket:
    def __init__(self, inner: Any) -> None:
        self.fileno = inner.fileno

    def setsockopt(self, *option: object) -> None:
        pass

    def getsockopt(self, *option: object) -> int:
        return 0


def engage(
    tcp: Transport,
    listener: WSListener,
    key: bytes,
    write_response: Callable[[str], bytes],
    max_frame_size: int,
    early: bytes,
) -> tuple[Any, WSTransport]:
    """Answer the handshake, and from now on let ``listener`` have the frames that come, those first that came
    already, ``early``. The protocol of TCP from now on, and what to send with."""

    def answer(request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return WSUpgradeResponseWithListener(_Response(write_response), listener)

    protocol: Any = WSProtocol(
        host_port=None,
        ws_path=None,
        is_client_side=False,
        ws_listener_factory=answer,
        logger=LOGGER,
        disconnect_on_exception=True,
        websocket_handshake_timeout=None,
        enable_auto_ping=False,
        auto_ping_idle_timeout=None,
        auto_ping_reply_timeout=None,
        auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
        enable_auto_pong=True,
        max_frame_size=max_frame_size,
        extra_headers=None,
        read_buffer_init_size=READ_BUFFER_BYTES,
    )
    protocol.connection_made(_Handed(tcp))
    tcp.set_protocol(protocol)
    feed(protocol, REQUEST % key)
    feed(protocol, early)
    return protocol, protocol.transport


def feed(protocol: Any, data: bytes) -> None:
    """Let the protocol have what somebody else has read of TCP."""
    rest = memoryview(data)
    while rest:
        buffer = protocol.get_buffer(-1)
        size = min(len(buffer), len(rest))
        buffer[:size] = rest[:size]
        protocol.buffer_updated(size)
        rest = rest[size:]
