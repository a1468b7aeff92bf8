"""The port: what an adapter does for one connection, and no more.

An adapter moves messages between a server and the core. It normalises what the server does
differently and translates the server's exceptions; it decides nothing. Order, cancellation, limits,
states, rooms and the meaning of close codes are the core's, so that they are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol, runtime_checkable

from anysocket._capability import Capability
from anysocket._errors import UnsupportedByTransport
from anysocket._message import Message
from anysocket._scope import Scope

RawHeaders = Sequence[tuple[bytes, bytes]]


class Transport(Protocol):
    """One connection of one server.

    What the core promises to every transport, so that none needs a guard of its own:

    * all calls come from the event loop's thread;
    * ``accept`` or ``deny`` is called at most once, and never both;
    * ``receive`` is called only after ``accept`` returned, never while an earlier call is unfinished,
      never after one of them reported the end; the awaitable it returned is **never cancelled** unless
      the transport is ``cancel_safe`` (a reader that is cancelled leaves it running and takes its result
      later), but it may be dropped unfinished when the connection is over;
    * ``send_text`` and ``send_bytes`` are called one after the other, the next only when the awaitable
      of the last one is done, never before ``accept`` returned nor after ``close``;
    * ``close`` is called at most once, with a code RFC 6455 section 7.4 allows to be sent and a reason of at
      most 123 UTF-8 bytes, when no send is unfinished; a ``receive`` may be unfinished.
    """

    server: str
    """The server's name with its protocol, for messages to people: ``"granian RSGI"``."""
    capabilities: Capability
    """What this server can carry. The core asks only for what is listed here."""
    remedy: str
    """What to do when a capability is missing, as the end of an error message."""
    scope: Scope
    """The handshake request, normalised."""
    cancel_safe: bool
    """Whether a ``receive`` that is cancelled loses no message. If so, a handler that waits for a message
    runs it in its own task; if not, the core puts itself in between, at a small cost per message."""
    linger: float
    """Seconds to go on receiving after a close of ours, so that the peer's answer is read before the
    connection is dropped (RFC 6455 section 7.1.1); 0 where the server sees to that itself."""
    failures: tuple[type[BaseException], ...]
    """The exceptions by which this server says that the connection is over. The core turns
    them into :class:`~anysocket.ConnectionClosed`."""

    async def accept(self, subprotocol: str | None, headers: RawHeaders) -> None:
        """Answer the upgrade with 101 (RFC 6455 section 4.2.2).

        Raises :class:`~anysocket.ConnectionClosed` when the peer has left meanwhile.
        ``subprotocol`` and ``headers`` are given only if the capabilities say so.
        """
        ...

    async def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Refuse the upgrade with an HTTP response of ``status`` (400 to 599). Never raises: a peer that
        left is refused too. Headers and body may be dropped without ``Capability.DENIAL_BODY``."""
        ...

    def receive(self) -> Awaitable[Any]:
        """The server's next event, for ``decode`` and for nobody else. Raises one of ``failures`` when the
        connection ended without a close frame."""
        ...

    def decode(self, event: Any) -> Message:
        """An event as a ``text``, ``bytes`` or ``close`` message, fragments joined (RFC 6455 section 5.4).

        Raises :class:`~anysocket.ConnectionClosed` with code 1006 for the event of a connection that ended
        without a close frame. That, a close, and a ``receive`` that fails are the end: nothing follows.

        A call of its own, since a coroutine around each receive would add a tenth to a small message.
        """
        ...

    def send_text(self, data: str) -> Awaitable[object] | None:
        """Send one text message; done when the server has taken it, waiting while the peer is too slow
        where ``Capability.BACKPRESSURE`` says so. None says that it was taken in the call. Raises one of
        ``failures`` after the end."""
        ...

    def send_bytes(self, data: bytes) -> Awaitable[object] | None:
        """Send one binary message, as ``send_text``."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Send a close frame, with what of ``code`` and ``reason`` the server can carry, and return when
        the server has taken it. Never raises: a connection that is over already is closed enough."""
        ...

    def release(self) -> None:
        """The connection is over: answer the peer's close if the server has not, and let go of all that the
        server keeps for it, though the handler may go on. Nothing else is called after it. Called once for
        a connection that was accepted."""
        ...


@runtime_checkable
class Abortable(Protocol):
    """A transport that can end TCP whatever the peer has not taken yet. Needed where the server, told to end,
    would wait for that without limit."""

    def abort(self) -> None:
        """End TCP. Called when the time for a close of ours, or to shut down, is over, after all else, and
        more than once if need be; does nothing if TCP has ended."""
        ...


def require(transport: Transport, capability: Capability, what: str) -> None:
    """Raise :class:`~anysocket.UnsupportedByTransport`, which says what to do, if the server lacks it."""
    if capability not in transport.capabilities:
        raise UnsupportedByTransport(
            f"{transport.server} cannot send {what} (Capability.{capability.name}): {transport.remedy}"
        )
