"""ASGI's scope as RSGI 1.6 has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anysocket_asgi._scope import request_path
from anysocket_rsgi._request import Headers, Scope

HTTP_SCHEMES = {"ws": "http", "wss": "https"}
"""RSGI names a WebSocket by ``proto``, and its scheme is that of the upgrade request."""


def rsgi_scope(scope: Mapping[str, Any]) -> Scope:
    """RSGI has no ``root_path``: an app that is mounted sees the path below it."""
    is_http = scope["type"] == "http"
    version = scope.get("http_version", "1.1")
    scheme: str = scope.get("scheme", "http")
    headers = Headers(scope.get("headers", ()) if is_http else _handshake_headers(scope))
    return Scope(
        "http" if is_http else "ws",
        request_path(scope),
        # As Granian has it, for what a client left unencoded; and no byte is lost where it is no UTF-8.
        scope.get("query_string", b"").decode(errors="surrogateescape"),
        headers,
        HTTP_SCHEMES.get(scheme, scheme),
        scope.get("method", "GET"),
        "1" if version == "1.0" else version,
        headers.get("host") if version[0] in "23" else None,
        _address(scope.get("client")),
        _address(scope.get("server")),
    )


def _handshake_headers(scope: Mapping[str, Any]) -> Sequence[tuple[bytes, bytes]]:
    """With the header of the subprotocols, which uvicorn's wsproto takes out."""
    headers: list[tuple[bytes, bytes]] = list(scope.get("headers", ()))
    offers = scope.get("subprotocols")
    if offers and not any(name == b"sec-websocket-protocol" for name, _ in headers):
        headers.append((b"sec-websocket-protocol", ", ".join(offers).encode("latin-1")))
    return headers


def _address(address: Sequence[Any] | None) -> str:
    """``host:port``; a unix socket has a path and no port, or nothing at all."""
    if not address or not address[0]:
        return ""
    host, port = address[0], address[1] if len(address) > 1 else None
    if port is None:
        return str(host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
