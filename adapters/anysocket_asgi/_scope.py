"""ASGI's scope made the neutral one, with what servers leave out or write differently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from anysocket import Address, Headers, Scope
from anysocket._scope import offered_subprotocols


def build_scope(scope: Mapping[str, Any], state: Mapping[str, Any]) -> Scope:
    """The handshake request. ``state`` is the app's own, for servers that hand none over."""
    headers = Headers((bytes(name), bytes(value)) for name, value in scope.get("headers", ()))
    return Scope(
        path=request_path(scope),
        query_string=bytes(scope.get("query_string", b"")),
        headers=headers,
        client=_address(scope.get("client")),
        server=_address(scope.get("server")),
        scheme=scope.get("scheme", "ws"),
        http_version=scope.get("http_version", "1.1"),
        subprotocols=_offers(scope, headers),
        raw_path=scope.get("raw_path"),
        root_path=scope.get("root_path", ""),
        state=SimpleNamespace(**{**state, **(scope.get("state") or {})}),
    )


def _offers(scope: Mapping[str, Any], headers: Headers) -> tuple[str, ...]:
    """Those that the server lists, where it lists any: it would not agree on another. Hypercorn, which lists
    the last header line's alone, cuts the connection then. Some servers list lines instead of offers, and
    uvicorn's wsproto leaves no header."""
    lines = [str(line).encode("latin-1", "replace") for line in scope.get("subprotocols") or ()]
    listed = Headers((b"sec-websocket-protocol", line) for line in lines)
    return offered_subprotocols(listed) or offered_subprotocols(headers)


def request_path(scope: Mapping[str, Any]) -> str:
    """The path below ``root_path``, which ASGI counts as a part of the path."""
    path, root_path = str(scope["path"]), str(scope.get("root_path", ""))
    below = path.removeprefix(root_path) if root_path else path
    return below if below.startswith("/") else path


def _address(address: Sequence[Any] | None) -> Address | None:
    """Host and port; None for unix sockets, which Granian gives as an empty host, and uvicorn, by the
    specification, as a path without a port."""
    if not address or not address[0] or address[1] is None:
        return None
    return Address(str(address[0]), int(address[1]))
