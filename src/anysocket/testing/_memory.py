"""The neutral transport in memory: the whole contract with no server at all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from anysocket._app import App
from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed, HeaderPairs
from anysocket._headers import encode_headers
from anysocket._message import Message
from anysocket._scope import Address, Headers, Scope, offered_subprotocols
from anysocket._transport import RawHeaders
from anysocket.testing._peer import LOST, Peer, Refused
from anysocket.testing._wire import Channel

EVERYTHING = ~Capability(0) & ~Capability.PING
DEFAULT_TIMEOUT = 5.0


class MemoryTransport:
    """The port on two queues. ``capabilities`` may be narrowed to play a weaker server."""

    server = "the in-memory transport"
    remedy = "give connect(capabilities=…) more"
    linger = 0.0
    failures: tuple[type[BaseException], ...] = (BrokenPipeError,)

    def __init__(self, scope: Scope, capabilities: Capability, timeout: float) -> None:
        self.scope = scope
        self.capabilities = capabilities
        self._to_app: Channel[Message] = Channel()
        held_back = Capability.BACKPRESSURE in capabilities
        self._to_peer: Channel[Message] = Channel() if held_back else Channel(sys.maxsize)
        self._timeout = timeout
        self.answer: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        if self.answer.done():
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost")
        peer = Peer(self._to_app, self._to_peer, self._timeout)
        peer.subprotocol = subprotocol
        peer.response_headers = list(headers)
        self.answer.set_result(peer)

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        if not self.answer.done():
            self.answer.set_exception(Refused(status, list(headers), body))

    async def receive(self) -> Message:
        message = await self._to_app.get()
        if message is LOST:
            if Capability.LOST_IS_1006 not in self.capabilities:
                return Message("close", "", 1005)
            raise ConnectionClosed(1006, "", "lost")
        if message.type == "close":
            self._to_peer.end(LOST)
            return self._as_told(message)
        return message

    def _as_told(self, close: Message) -> Message:
        code = close.code if Capability.PEER_CLOSE_CODE in self.capabilities else 1005
        reason = close.reason if Capability.PEER_CLOSE_REASON in self.capabilities else ""
        return Message("close", reason, code, reason)

    async def send_text(self, data: str) -> None:
        await self._to_peer.put(Message("text", data))

    async def send_bytes(self, data: bytes) -> None:
        await self._to_peer.put(Message("bytes", data))

    async def close(self, code: int, reason: str) -> None:
        code = code if Capability.CLOSE_CODE in self.capabilities else 1005
        reason = reason if Capability.CLOSE_REASON in self.capabilities else ""
        self._to_peer.end(Message("close", reason, code, reason))


@asynccontextmanager
async def connect(
    app: App,
    path: str,
    *,
    headers: HeaderPairs = (),
    subprotocols: Sequence[str] = (),
    client: tuple[str, int] | None = ("127.0.0.1", 50000),
    capabilities: Capability = EVERYTHING,
    timeout: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[Peer]:
    """Connect to ``app`` as a client would, ``path`` with its query, in memory and in this event loop.

    Raises :class:`Refused` when the app refuses the upgrade. On leaving, the peer closes with 1000 and the
    handler must end within ``timeout`` seconds, else ``AssertionError``: outliving its peer is a leak.
    """
    transport = MemoryTransport(_build_scope(app, path, headers, subprotocols, client), capabilities, timeout)
    handler = asyncio.create_task(app.serve(transport))
    try:
        answer: set[asyncio.Future[Any]] = {handler, transport.answer}
        await asyncio.wait(answer, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not transport.answer.done():
            raise AssertionError(f"expected accept() or deny() within {timeout:g} s, the handler did neither")
        peer = transport.answer.result()
        yield peer
        await peer.close()
        _, running = await asyncio.wait({handler}, timeout=timeout)
        if running:
            raise AssertionError(
                f"expected the handler to end within {timeout:g} s of its peer's close, it goes on"
            )
    finally:
        handler.cancel()
        await asyncio.wait({handler}, timeout=timeout)


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[App]:
    """Run the app's lifespan around a test, as a server does around its life."""
    await app.lifespan.start()
    try:
        yield app
    finally:
        await app.lifespan.stop()


def _build_scope(
    app: App,
    path: str,
    headers: HeaderPairs,
    subprotocols: Sequence[str],
    client: tuple[str, int] | None,
) -> Scope:
    raw_path, _, query = path.partition("?")
    pairs = encode_headers(headers)
    if not any(name == b"host" for name, _ in pairs):
        pairs.insert(0, (b"host", b"testserver"))
    if subprotocols:
        pairs.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    all_headers = Headers(pairs)
    return Scope(
        path=unquote(raw_path),
        query_string=query.encode(),
        headers=all_headers,
        client=Address(*client) if client else None,
        server=Address("testserver", 80),
        subprotocols=offered_subprotocols(all_headers),
        raw_path=raw_path.encode(),
        state=SimpleNamespace(**app.lifespan.state),
    )
