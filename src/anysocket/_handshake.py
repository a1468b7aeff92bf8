"""What our answer to a handshake may say (RFC 6455 section 4.2.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed, HeaderPairs
from anysocket._headers import response_headers
from anysocket._log_fields import log_fields
from anysocket._state import Event
from anysocket._transport import Transport, require

if TYPE_CHECKING:
    from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")


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


def check_refusal(
    websocket: WebSocket, status: int, headers: HeaderPairs, body: bytes | str
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body of a refusal, or none of both where the server cannot carry them, which a
    debug line tells. ``ValueError`` for a status that is no refusal or an illegal header."""
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError(f"a refusal needs an HTTP status from 400 to 599, not {status!r}")
    extra = response_headers(headers)
    content = body.encode() if isinstance(body, str) else bytes(body)
    if (extra or content) and Capability.DENIAL_BODY not in websocket.capabilities:
        server = websocket._transport.server
        fields = log_fields(websocket)
        logger.debug("%s cannot carry headers and body of a refusal: dropped", server, extra=fields)
        return [], b""
    return extra, content


def refuse_now(
    websocket: WebSocket, status: int, limit: str, closed: ConnectionClosed, body: str = ""
) -> None:
    """Refuse the upgrade while the handler has not decided: its ``accept()`` raises ``closed`` from then on,
    as that is no misuse of its own. :func:`anysocket._session.refuse` is for a handler that does not run."""
    extra, content = check_refusal(websocket, status, (), body)
    websocket._refused_by = limit
    websocket._step(Event.DENY)
    websocket._over(closed)
    websocket._observers.refused(websocket, status, limit)
    denying = websocket._transport.deny(status, extra, content)
    websocket._closer = asyncio.get_running_loop().create_task(denying)
