"""The neutral transport in memory: the whole contract with no server at all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import unquote

from anysocket._app import App
from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed, HeaderPairs
from anysocket._headers import encode_headers
from anysocket._message import Message
from anysocket._scope import Address, Headers, Scope, offered_subprotocols
from anysocket._transport import RawHeaders
from anysocket.testing._chaos import Chaos
from anysocket.testing._peer import LOST, Peer, Refused
from anysocket.testing._wire import Channel

PeerType = TypeVar("PeerType", bound=Peer)

EVERYTHING = ~Capability(0) & ~Capability.PING
DEFAULT_TIMEOUT = 5.0


class MemoryPeer(Peer):
    """A client that talks to the app without a socket."""

    def __init__(self, to_app: Channel[Message], to_peer: Channel[Message], timeout: float) -> None:
        super().__init__(timeout)
        self._to_app = to_app
        self._to_peer = to_peer

    async def _send(self, message: Message) -> None:
        await self._to_app.put(message)

    async def _receive(self) -> Message:
        return await self._to_peer.get()

    async def _send_close(self, message: Message) -> None:
        self._to_app.end(message)

    def _answer_close(self, message: Message) -> None:
        self._to_app.end(message)

    async def _abort(self) -> None:
        self._to_app.end(LOST)
        self._to_peer.end(LOST)

    async def _hang_up(self) -> None:
        await self._abort()


class MemoryTransport:
    """The port on two queues. ``capabilities`` may be narrowed to play a weaker server."""

    server = "the in-memory transport"
    remedy = "give connect(capabilities=…) more"
    linger = 0.0
    cancel_safe = False
    failures: tuple[type[BaseException], ...] = (BrokenPipeError,)

    def __init__(self, scope: Scope, capabilities: Capability, timeout: float) -> None:
        self.scope = scope
        self.capabilities = capabilities
        self._to_app: Channel[Message] = Channel()
        held_back = Capability.BACKPRESSURE in capabilities
        self._to_peer: Channel[Message] = Channel() if held_back else Channel(sys.maxsize)
        self._timeout = timeout
        self.answer: asyncio.Future[MemoryPeer] = asyncio.get_running_loop().create_future()

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        if self.answer.done():
            raise ConnectionClosed(1006, "the peer left during the handshake", "lost")
        peer = MemoryPeer(self._to_app, self._to_peer, self._timeout)
        peer.subprotocol = subprotocol
        peer.response_headers = Headers(headers)
        self.answer.set_result(peer)

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        if not self.answer.done():
            self.answer.set_exception(Refused(status, headers, body))

    def receive(self) -> Awaitable[Message]:
        return self._to_app.get()

    def decode(self, event: Message) -> Message:
        if event is LOST:
            if Capability.LOST_IS_1006 not in self.capabilities:
                return Message("close", "", 1005)
            raise ConnectionClosed(1006, "", "lost")
        if event.type == "close":
            self._to_peer.end(event)
            return self._as_told(event)
        return event

    def _as_told(self, close: Message) -> Message:
        code = close.code if Capability.PEER_CLOSE_CODE in self.capabilities else 1005
        reason = close.reason if Capability.PEER_CLOSE_REASON in self.capabilities else ""
        return Message("close", reason, code, reason)

    async def send_text(self, data: str) -> None:
        await self._to_peer.put(Message("text", data))

    async def send_bytes(self, data: bytes) -> None:
        await self._to_peer.put(Message("bytes", data))

    def release(self) -> None:
        self._to_peer.end(LOST)

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
    chaos: Chaos | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> AsyncIterator[Peer]:
    """Connect to ``app`` as a client would, ``path`` with its query, in memory and in this event loop, over
    a network as bad as ``chaos`` says.

    Raises :class:`Refused` when the app refuses the upgrade. On leaving, the peer closes with 1000 and the
    handler must end within ``timeout`` seconds, else ``AssertionError``: outliving its peer is a leak.
    """
    transport = MemoryTransport(_build_scope(app, path, headers, subprotocols, client), capabilities, timeout)
    handler = asyncio.create_task(app.serve(chaos.around(transport) if chaos else transport))
    async with play(handler, transport.answer, timeout) as peer:
        yield peer


@asynccontextmanager
async def play(
    handler: asyncio.Task[None], answer: asyncio.Future[PeerType], timeout: float
) -> AsyncIterator[PeerType]:
    """A connection from the handshake's ``answer`` to the ``handler``'s end, each within ``timeout`` s."""
    try:
        waiting: set[asyncio.Future[Any]] = {handler, answer}
        await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise AssertionError(f"expected accept() or deny() within {timeout:g} s, the handler did neither")
        refused = answer.exception()
        if refused is None:
            peer = answer.result()
            yield peer
            await peer.close()
        _, running = await asyncio.wait({handler}, timeout=timeout)
        if running:
            raise AssertionError(
                f"expected the handler to end within {timeout:g} s of its peer's close, it goes on"
            )
        if refused is not None:
            raise refused
    finally:
        handler.cancel()
        await asyncio.wait({handler}, timeout=timeout)


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[App]:
    """Run the app's lifespan around a test, as a server does around its life."""
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def _build_scope(
    app: App,
    path: str,
    headers: HeaderPairs,
    subprotocols: Sequence[str],
    client: tuple[str, int] | None,
) -> Scope:
    raw_path, _, query = path.partition("?")
    all_headers = Headers(request_headers(headers, subprotocols))
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


def request_headers(headers: HeaderPairs, subprotocols: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """The handshake's headers, with those that a client adds by itself."""
    pairs = encode_headers(headers)
    if not any(name == b"host" for name, _ in pairs):
        pairs.insert(0, (b"host", b"testserver"))
    if subprotocols:
        pairs.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
    return pairs
