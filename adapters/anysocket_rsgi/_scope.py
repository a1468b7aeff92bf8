"""RSGI's scope made the neutral one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from anysocket import Address, Headers, Scope
from anysocket._scope import offered_subprotocols

SCHEMES = {"http": "ws", "https": "wss"}


def parse_address(address: str) -> Address | None:
    """``"1.2.3.4:5"`` and ``"[::1]:5"`` as host and port; None for a unix socket (``""``)."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdecimal():
        return None
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def build_headers(scope: Any) -> Headers:
    """The headers as bytes. RSGI has them as text, grouped by name; over HTTP/2 the host is in
    ``scope.authority`` only (RFC 9113 section 8.3.1)."""
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in scope.headers.items()]
    if scope.authority and "host" not in scope.headers:
        pairs.insert(0, (b"host", scope.authority.encode("latin-1")))
    return Headers(pairs)


def encode_query(query_string: str) -> bytes:
    """The query as it was sent: what a client left unencoded, RSGI has decoded as UTF-8."""
    return query_string.encode(errors="surrogateescape")


def build_scope(scope: Any, state: dict[str, Any]) -> Scope:
    """The handshake request of a WebSocket. RSGI decodes the path and keeps no raw one."""
    headers = build_headers(scope)
    return Scope(
        path=scope.path,
        query_string=encode_query(scope.query_string),
        headers=headers,
        client=parse_address(scope.client),
        server=parse_address(scope.server),
        scheme=SCHEMES.get(scope.scheme, "ws"),
        http_version=scope.http_version,
        subprotocols=offered_subprotocols(headers),
        state=SimpleNamespace(**state),
    )
