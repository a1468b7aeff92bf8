"""The fields of log records about a connection, beside their text: ``extra=log_fields(websocket)``.

One place, so that a formatter or a search finds the same names in every such record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anysocket._websocket import WebSocket


def log_fields(websocket: WebSocket, handler: Callable[..., object] | None = None) -> dict[str, Any]:
    """What is known of the connection, by name; None for what is not, such as the code of one that is open.

    Every record has every name. ``path`` and ``close_reason`` are what the peer chose, control characters
    and all: a formatter that puts them into lines has to escape them, as the records' own text does (``%r``).
    """
    client, closed = websocket.client, websocket._closed
    return {
        "websocket_id": websocket.id,
        "path": websocket.scope.path,
        "client": client.host if client else None,
        "handler": handler and handler_name(handler),
        "close_code": closed.code if closed else None,
        "close_reason": closed.reason if closed else None,
        "closed_by": closed.by if closed else None,
    }


def handler_name(handler: Callable[..., object]) -> str:
    """The handler's name for people."""
    return getattr(handler, "__qualname__", repr(handler))
