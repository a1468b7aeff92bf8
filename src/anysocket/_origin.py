"""Which web pages may open a WebSocket here (RFC 6455 section 10.2).

Browsers send cookies with a cross-site upgrade and put no other barrier before it, so the server must
look at ``Origin`` itself. Clients that are no browsers send none and are let through.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from anysocket._scope import Scope

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def origin_allowed(scope: Scope, allowed_origins: Collection[str] | None) -> bool:
    """Whether the handshake's ``Origin`` may connect.

    ``allowed_origins`` None means the request's own host; ``"*"`` among them means any.
    """
    origin = scope.headers.get("origin")
    if origin is None:
        return True
    if allowed_origins is None:
        # A proxy may have ended TLS before us: then the page says https and we see ws.
        schemes = {scope.scheme, "wss"}
        page = _host_and_port(origin)
        return page is not None and page in {_host_and_port(f"{scheme}://{scope.host}") for scheme in schemes}
    return "*" in allowed_origins or origin.lower() in {allowed.lower() for allowed in allowed_origins}


def _host_and_port(url: str) -> tuple[str, int] | None:
    """Host and port of a URL, or None where there is none (``Origin: null``, garbage)."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.hostname is None or port is None:
        return None
    return parts.hostname, port
