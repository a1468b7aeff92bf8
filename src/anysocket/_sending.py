"""The sending half of a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

from anysocket._outbox import Outbox


class SendingHalf:
    """What handlers and rooms send with. Any number of tasks may send at once: the peer gets the messages
    in the order of the calls. A wrong type is told at the call, everything else when it is awaited."""

    __slots__ = ()

    _outbox: Outbox

    def send_text(self, data: str) -> Coroutine[Any, Any, None]:
        """Send a text message; returns when the server has taken it, and waits while the peer is too slow
        (where ``Capability.BACKPRESSURE``).

        Raises :class:`ConnectionClosed` after the end, :class:`WebSocketStateError` before ``accept()``,
        ``TypeError`` for anything but ``str``, ``ValueError`` for a lone surrogate. A cancelled call sends
        the message whole or not at all.
        """
        if not isinstance(data, str):
            raise TypeError(f"send_text() takes str, not {type(data).__name__}")
        # Encoded for its size, and for what no UTF-8 can say (RFC 6455 section 5.6): servers send "" or fail.
        size = len(data) if data.isascii() else len(data.encode())
        return self._outbox.send(data, size)

    def send_bytes(self, data: bytes | bytearray | memoryview) -> Coroutine[Any, Any, None]:
        """Send a binary message; as :meth:`send_text`."""
        if not isinstance(data, bytes):
            if not isinstance(data, bytearray | memoryview):
                raise TypeError(f"send_bytes() takes bytes, not {type(data).__name__}")
            data = bytes(data)
        return self._outbox.send(data, len(data))

    def send(self, data: str | bytes) -> Coroutine[Any, Any, None]:
        """Send ``str`` as a text message, ``bytes`` as a binary one; as :meth:`send_text`."""
        if isinstance(data, str):  # As send_text(): a call in between costs each message.
            size = len(data) if data.isascii() else len(data.encode())
            return self._outbox.send(data, size)
        return self.send_bytes(data)

    def send_json(self, data: object) -> Coroutine[Any, Any, None]:
        """Send ``data`` as JSON in a text message; as :meth:`send_text`. ``TypeError`` or ``ValueError`` for
        what JSON cannot express (RFC 8259), such as NaN, which no browser would parse."""
        return self.send_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False))
