"""ASGI's scopes made of RSGI's (ASGI "HTTP" 2.3 and "WebSocket" 2.4, RSGI 1.6)."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from anysocket import Headers
from anysocket._scope import offered_subprotocols
from anysocket_rsgi._scope import SCHEMES, build_headers, encode_query, parse_address

ASGIMessage = dict[str, Any]
ASGIReceive = Callable[[], Awaitable[ASGIMessage]]
ASGISend = Callable[[ASGIMessage], Awaitable[None]]
ASGIApp = Callable[[dict[str, Any], ASGIReceive, ASGISend], Awaitable[None]]

UNSENT_PATH = "/:@!$&'()*+,;=~"
"""What a client need not percent-encode in a path (RFC 3986 section 3.3)."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9_.\-/:@!$&'()*+,;=~]*")


def is_asgi_server(protocol: object) -> bool:
    """Whether RSGI's objects are our own on an ASGI server: it carries more than Granian, answers for an app
    that fails, and logs it or, for tests, raises it to the client."""
    return type(protocol).__module__.startswith("anysocket_asgi.")


def http_scope(
    scope: Any, state: Mapping[str, Any], root_path: str, *, pathsend: bool = True
) -> dict[str, Any]:
    """The scope of a request. ``root_path`` is a prefix that a proxy removed; ``state`` is copied."""
    path = root_path + scope.path
    version = scope.http_version
    return {
        "type": "http",
        # 2.3: a send after the client left is silent, and receive() tells of it at once.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.0" if version == "1" else version,
        "method": scope.method,
        "scheme": scope.scheme,
        "path": path,
        "raw_path": raw_path(path),
        "query_string": encode_query(scope.query_string),
        "root_path": root_path,
        "headers": header_pairs(scope),
        "client": _address(scope.client),
        "server": _address(scope.server),
        "state": dict(state),
        "extensions": {"http.response.pathsend": {}} if pathsend else {},
    }


def websocket_scope(scope: Any, state: Mapping[str, Any], root_path: str) -> dict[str, Any]:
    """The scope of a WebSocket; as :func:`http_scope`."""
    path = root_path + scope.path
    headers = header_pairs(scope)
    return {
        "type": "websocket",
        # 2.4: a send after the end raises OSError.
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": scope.http_version,
        "scheme": SCHEMES.get(scope.scheme, "ws"),
        "path": path,
        "raw_path": raw_path(path),
        "query_string": encode_query(scope.query_string),
        "root_path": root_path,
        "headers": headers,
        "client": _address(scope.client),
        "server": _address(scope.server),
        "subprotocols": list(offered_subprotocols(Headers(headers))),
        "state": dict(state),
        # Its status is all that RSGI carries of a refusal.
        "extensions": {"websocket.http.response": {}},
    }


def raw_path(path: str) -> bytes:
    """The path percent-encoded again. RSGI has it decoded only: an encoded slash reads as a plain one."""
    if PLAIN_PATH.fullmatch(path):
        return path.encode("ascii")
    return quote(path, safe=UNSENT_PATH).encode("ascii")


def header_pairs(scope: Any) -> list[tuple[bytes, bytes]]:
    """The request's headers as bytes, in a list of the app's own."""
    if scope.authority is None:
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in scope.headers.items()]
    return list(build_headers(scope))


# A connection's addresses are the same in all of its requests, and the server's in everybody's.
@functools.lru_cache(maxsize=256)
def _address(address: str) -> tuple[str, int | None] | None:
    """Host and port. For a unix socket the path and None, and None for who connects to it."""
    if address.startswith("/"):
        return address, None
    parsed = parse_address(address)
    return None if parsed is None else (parsed.host, parsed.port)
