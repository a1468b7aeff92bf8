"""What is to be found behind a server's ``send``, where the server itself does not see to it.

Each function takes the server's own ``send``, those that end TCP the scope as well, and raises
``AttributeError`` if the server keeps elsewhere by now what it is to find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from anysocket import Scope
from anysocket._websocket import CLOSE_TIMEOUT
from anysocket_rsgi._tcp import end_tcp

HIGH_WATER = 64 << 10
"""Bytes, as in asyncio and Twisted. A server that holds more of what its peer has not taken is given nothing
more."""
LOOK = 0.02
"""Seconds between two looks at a server that holds more, and tells nobody when it has less."""

Abort = Callable[[], object]


class Flow(Protocol):
    """How much a server holds for one peer, whose ``send`` never waits."""

    @property
    def paused(self) -> bool:
        """Whether that is more than ``HIGH_WATER``."""
        ...

    async def drain(self) -> None:
        """Wait until it is less, or may be. May be cancelled."""
        ...


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


class TwistedFlow:
    """Twisted's transports take whatever is written, and tell their producer (``IPushProducer``)."""

    def __init__(self, transport: Any) -> None:
        self.paused = False
        self._drained: asyncio.Future[None] | None = None
        transport.unregisterProducer()  # That of HTTP, which the connection speaks no more.
        transport.registerProducer(self, streaming=True)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802
        self.paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    stopProducing = resumeProducing  # noqa: N815 - at the end of the connection

    async def drain(self) -> None:
        if self._drained is None or self._drained.done():
            self._drained = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._drained)


def daphne_flow(send: Any) -> Flow:
    """One for a connection: a transport has one producer."""
    protocol = send.args[0]
    if not hasattr(protocol, "anysocket_flow"):
        protocol.anysocket_flow = TwistedFlow(protocol.transport)
    flow: Flow = protocol.anysocket_flow
    return flow


def daphne_be_patient(send: Any) -> None:
    """Autobahn gives the peer one second to answer our close, then cuts TCP with all that is on its way."""
    send.args[0].closeHandshakeTimeout = CLOSE_TIMEOUT


class HypercornFlow:
    """HTTP/2 has a buffer for each stream, which no send waits for."""

    def __init__(self, stream: Any) -> None:
        self._id = stream.stream_id
        self._buffers = stream.send.__self__.stream_buffers

    @property
    def paused(self) -> bool:
        buffer = self._buffers.get(self._id)
        return buffer is not None and len(buffer.buffer) > HIGH_WATER

    async def drain(self) -> None:
        await asyncio.sleep(LOOK)


def hypercorn_flow(send: Any) -> Flow:
    """None over HTTP/1.1, which has no such buffers, and whose sends wait."""
    return HypercornFlow(send.__self__)


def paced(send: Callable[[Any], Awaitable[None]], flow: Flow) -> Callable[[Any], Awaitable[None]]:
    """``send`` that waits until the server holds little. A cancelled call sends nothing."""

    async def wait_and_send(event: Any) -> None:
        while flow.paused:
            await flow.drain()
        await send(event)

    def send_when_low(event: Any) -> Awaitable[None]:
        # The server's own awaitable as a rule: a coroutine around each send costs each message.
        return wait_and_send(event) if flow.paused else send(event)

    return send_when_low
