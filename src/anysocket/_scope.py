"""The handshake request, the same on every server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple, overload
from urllib.parse import parse_qsl, quote


class Address(NamedTuple):
    """Where a socket is: host as text, port as a number (0 where there is none)."""

    host: str
    port: int


class Headers:
    """The request's headers: pairs of bytes in the order the server gives them, names lower-case,
    duplicates kept.

    Iterating gives ``(name, value)`` pairs of bytes. ``get``, ``getlist`` and ``in`` take a ``str`` or
    ``bytes`` name in any case and answer in the type of the name (bytes are decoded as latin-1, so
    that no value is unreadable).
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._pairs = tuple((name.lower(), value) for name, value in pairs)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str | bytes):
            return False
        key = _header_key(name)
        return any(key == candidate for candidate, _ in self._pairs)

    @overload
    def get(self, name: str, default: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    @overload
    def get(self, name: bytes, default: None = None) -> bytes | None: ...
    @overload
    def get(self, name: bytes, default: bytes) -> bytes: ...
    def get(self, name: str | bytes, default: str | bytes | None = None) -> str | bytes | None:
        """The first value of this name, or ``default``."""
        values = self.getlist(name)
        return values[0] if values else default

    @overload
    def getlist(self, name: str) -> list[str]: ...
    @overload
    def getlist(self, name: bytes) -> list[bytes]: ...
    def getlist(self, name: str | bytes) -> list[str] | list[bytes]:
        """Every value of this name, in order."""
        key = _header_key(name)
        values = [value for candidate, value in self._pairs if candidate == key]
        if isinstance(name, str):
            return [value.decode("latin-1") for value in values]
        return values

    def __repr__(self) -> str:
        return f"Headers({list(self._pairs)!r})"


def _header_key(name: str | bytes) -> bytes:
    return (name.encode("latin-1", "replace") if isinstance(name, str) else name).lower()


class QueryParams(Mapping[str, str]):
    """The parameters of the query string. ``[]`` and ``get`` give the last value of a name, ``getlist``
    all of them."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, query_string: bytes = b"") -> None:
        self._pairs = parse_qsl(query_string.decode(errors="replace"), keep_blank_values=True)
        self._values = dict(self._pairs)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getlist(self, name: str) -> list[str]:
        """Every value of this name, in order."""
        return [value for candidate, value in self._pairs if candidate == name]


@dataclass(slots=True)
class Scope:
    """What the peer asked for, normalised: the same types on every server.

    ``path`` is percent-decoded, ``raw_path`` is as sent or None where the server does not tell it.
    ``scheme`` is ``"ws"`` or ``"wss"``. ``client`` and ``server`` are None over unix sockets.
    ``subprotocols`` are the peer's offers in order, from one header line or several.
    ``path_params`` are filled by the route. ``state`` is what the app's lifespan provided.
    """

    path: str
    query_string: bytes = b""
    headers: Headers = field(default_factory=Headers)
    client: Address | None = None
    server: Address | None = None
    scheme: str = "ws"
    http_version: str = "1.1"
    subprotocols: tuple[str, ...] = ()
    raw_path: bytes | None = None
    root_path: str = ""
    path_params: dict[str, Any] = field(default_factory=dict)
    state: SimpleNamespace = field(default_factory=SimpleNamespace)

    @property
    def host(self) -> str:
        """The host the peer asked for, with its port if it named one; ``""`` when it named none."""
        host = self.headers.get("host")
        if host is None and self.server is not None:
            name = self.server.host
            host = f"[{name}]:{self.server.port}" if ":" in name else f"{name}:{self.server.port}"
        return host or ""

    @property
    def url(self) -> str:
        """The address the peer asked for: ``"ws://host:port/path?query"``."""
        path = self.raw_path.decode("latin-1") if self.raw_path else quote(self.path, safe="/%:@!$&'()*+,;=~")
        query = f"?{self.query_string.decode('latin-1')}" if self.query_string else ""
        return f"{self.scheme}://{self.host}{path}{query}"

    @property
    def cookies(self) -> dict[str, str]:
        """The peer's cookies by name (RFC 6265 section 5.4); of several with one name the last."""
        cookies: dict[str, str] = {}
        for line in self.headers.getlist("cookie"):
            for pair in line.split(";"):
                name, separator, value = pair.partition("=")
                if separator and name.strip():
                    cookies[name.strip()] = value.strip().removeprefix('"').removesuffix('"')
        return cookies


def offered_subprotocols(headers: Headers) -> tuple[str, ...]:
    """The peer's offers from every ``Sec-WebSocket-Protocol`` line (RFC 6455 section 4.1, item 10: one
    comma-separated header or several count alike)."""
    lines = headers.getlist("sec-websocket-protocol")
    return tuple(offer for line in lines for token in line.split(",") if (offer := token.strip()))
