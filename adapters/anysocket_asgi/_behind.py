"""What is to be found behind a server's ``send``, where the server itself does not see to it.

Each function takes the server's own ``send``, those that end TCP the scope as well, and raises
``AttributeError`` if the server keeps elsewhere by now what it is to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from anysocket import Scope
from anysocket._websocket import CLOSE_TIMEOUT
from anysocket_rsgi._tcp import end_tcp

HIGH_WATER = 64 << 10
"""Bytes, as in asyncio. A server that holds more of what its peer has not taken is given nothing more."""
LOOK = 0.02
"""Seconds between two looks at a server that holds more."""

Abort = Callable[[], object]
Held = Callable[[], int]


def uvicorn_abort(send: Any, scope: Scope) -> Abort:
    abort: Abort = send.__self__.transport.abort
    return abort


def hypercorn_abort(send: Any, scope: Scope) -> Abort:
    """Of WSStream, H11Protocol or H2Protocol, TCPServer."""
    abort: Abort = send.__self__.send.__self__.send.__self__.writer.transport.abort
    return abort


def daphne_abort(send: Any, scope: Scope) -> Abort:
    """Of a partial around the connection's protocol."""
    abort: Abort = send.args[0].transport.abortConnection
    return abort


def granian_abort(send: Any, scope: Scope) -> Abort:
    """Nothing leads to what Granian's native code holds, but the addresses."""
    return partial(end_tcp, scope.server, scope.client)


def daphne_held(send: Any) -> Held:
    """Twisted's transports take whatever is written. Over TLS one is around another."""
    transport = send.args[0].transport
    while not hasattr(transport, "dataBuffer"):
        transport = transport.transport
    return lambda: len(transport.dataBuffer) - transport.offset + transport._tempDataLen


def daphne_be_patient(send: Any) -> None:
    """Autobahn gives the peer one second to answer our close, then cuts TCP with all that is on its way."""
    send.args[0].closeHandshakeTimeout = CLOSE_TIMEOUT


def hypercorn_held(send: Any) -> Held:
    """HTTP/2 has a buffer for each stream, which no send waits for; HTTP/1.1 has none, and waits."""
    stream = send.__self__
    buffers = stream.send.__self__.stream_buffers

    def held() -> int:
        buffer = buffers.get(stream.stream_id)
        return len(buffer.buffer) if buffer is not None else 0

    return held


def paced(send: Callable[[Any], Awaitable[None]], held: Held) -> Callable[[Any], Awaitable[None]]:
    """``send`` that waits until the server holds little. A cancelled call sends nothing."""

    async def wait_and_send(event: Any) -> None:
        while held() > HIGH_WATER:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(LOOK)
        await send(event)

    def send_when_low(event: Any) -> Awaitable[None]:
        # The server's own awaitable as a rule: a coroutine around each send costs each message.
        return wait_and_send(event) if held() > HIGH_WATER else send(event)

    return send_when_low
