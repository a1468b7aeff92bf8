"""What our answer to a handshake may say (RFC 6455 section 4.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from anysocket._capability import Capability
from anysocket._errors import HeaderPairs
from anysocket._headers import response_headers
from anysocket._transport import Transport, require


def check_acceptance(
    transport: Transport, subprotocol: str | None, ours: Sequence[str], headers: HeaderPairs
) -> tuple[str | None, list[tuple[bytes, bytes]]]:
    """The subprotocol, the first of ``ours`` that the peer offered if none is given, and the headers.

    ``ValueError`` for a subprotocol that was not offered or an illegal header,
    :class:`~anysocket.UnsupportedByTransport` for what the server cannot carry.
    """
    offered = transport.scope.subprotocols
    if subprotocol is None:
        subprotocol = next((name for name in ours if name in offered), None)
    elif subprotocol not in offered:
        offers = ", ".join(map(repr, offered)) or "none"
        raise ValueError(f"subprotocol {subprotocol!r} was not offered by the peer, which offered {offers}")
    extra = response_headers(headers)
    if subprotocol is not None:
        require(transport, Capability.SUBPROTOCOL, f"the subprotocol {subprotocol!r}")
    if extra:
        require(transport, Capability.ACCEPT_HEADERS, "headers in the handshake's answer")
    return subprotocol, extra
