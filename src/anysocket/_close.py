"""What a close frame may say (RFC 6455 sections 5.5.1 and 7.4)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from anysocket._capability import Capability
from anysocket._log_fields import log_fields

if TYPE_CHECKING:
    from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")

MAX_REASON_BYTES = 123
SLOW_CONSUMER = 1013, "slow consumer"
"""How a peer is closed that does not read what rooms send to it."""


def check_close(code: int, reason: str) -> None:
    """Raise ``ValueError`` unless a close frame with this code and reason may be sent."""
    if isinstance(code, bool) or not isinstance(code, int) or not _may_be_sent(code):
        raise ValueError(
            f"close code {code!r} must not be sent: use 1000-1003, 1007-1014 or, for codes of your own, "
            "3000-4999 (RFC 6455 section 7.4)"
        )
    if not isinstance(reason, str):
        raise TypeError(f"a close reason must be str, not {type(reason).__name__}")
    size = len(reason.encode())
    if size > MAX_REASON_BYTES:
        raise ValueError(
            f"a close reason of {size} bytes exceeds the {MAX_REASON_BYTES} of a close frame: shorten it"
        )


def log_loss(websocket: WebSocket, code: int, reason: str) -> None:
    """Tell in a debug line if the server cannot carry all of a close frame."""
    needed = Capability.CLOSE_REASON if reason else Capability(0)
    needed |= Capability.CLOSE_CODE if code != 1000 else Capability(0)
    if needed & ~websocket.capabilities:
        server = websocket._transport.server
        fields = log_fields(websocket)
        logger.debug("%s cannot carry all of close %d %r: dropped", server, code, reason, extra=fields)


def _may_be_sent(code: int) -> bool:
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
