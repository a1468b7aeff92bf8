"""What an RSGI app is told of a request, for servers of our own: in memory, and on top of ASGI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

RSGI_VERSION = "1.6"


def _any_value(value: bytes) -> bool:
    return True


class Headers:
    """The request's headers as RSGI gives them: text, names in lower case, grouped by name.

    Values are decoded as latin-1, so that each byte is one character. Those that ``readable`` does not take
    are as on a server that cannot decode them: ``get`` gives the default, ``[]`` an empty string, the others
    leave them out, and the name is still there.
    """

    __slots__ = ("_grouped", "_pairs", "_readable")

    def __init__(
        self, pairs: Iterable[tuple[bytes, bytes]], *, readable: Callable[[bytes], bool] = _any_value
    ) -> None:
        self._pairs = pairs
        self._readable = readable
        self._grouped: dict[str, list[bytes]] | None = None

    def _values(self) -> dict[str, list[bytes]]:
        """Grouped when it is first asked for: many apps never look."""
        if self._grouped is None:
            grouped: dict[str, list[bytes]] = {}
            for name, value in self._pairs:
                grouped.setdefault(name.decode("latin-1").lower(), []).append(value)
            self._grouped = grouped
        return self._grouped

    def keys(self) -> list[str]:
        """The names, each once."""
        return list(self._values())

    def values(self) -> list[str]:
        """The values that can be read."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[str, str]]:
        """Name and value of those that can be read."""
        return [(name, value) for name in self._values() for value in self.get_all(name)]

    def get(self, key: str, default: Any = None) -> Any:
        """The first value of this name, in any case; ``default`` if there is none."""
        values = self._values().get(key.lower())
        return values[0].decode("latin-1") if values and self._readable(values[0]) else default

    def get_all(self, key: str) -> list[str]:
        """Every value of this name, in order."""
        values = self._values().get(key.lower(), [])
        return [value.decode("latin-1") for value in values if self._readable(value)]

    def __getitem__(self, key: str) -> str:
        if key not in self:
            raise KeyError(key)
        return str(self.get(key, ""))

    def __contains__(self, key: str) -> bool:
        return key.lower() in self._values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


@dataclass(eq=False, slots=True)
class Scope:
    """RSGI 1.6's scope. ``client`` and ``server`` are ``"host:port"``, or empty over a unix socket."""

    proto: str
    path: str
    query_string: str
    headers: Headers
    scheme: str = "http"
    method: str = "GET"
    http_version: str = "1.1"
    authority: str | None = None
    client: str = ""
    server: str = ""
    rsgi_version: str = RSGI_VERSION
