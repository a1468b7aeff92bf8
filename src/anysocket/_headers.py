"""Headers that users give, made ready for the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from anysocket._errors import HeaderPairs

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 section 5.6.2
ILLEGAL_IN_VALUE = re.compile(rb"[\x00\r\n]")


def raw_headers(headers: HeaderPairs) -> list[tuple[bytes, bytes]]:
    """Pairs of bytes with lower-case names, in the given order.

    Raises ``ValueError`` for what would break the response apart (a newline in a value lets whoever
    controls it write headers of their own) and for the handshake's own headers.
    """
    pairs: Iterable[tuple[str | bytes, str | bytes]]
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [_checked(name, value) for name, value in pairs]


def _checked(name: str | bytes, value: str | bytes) -> tuple[bytes, bytes]:
    raw_name, raw_value = _encode(name).lower(), _encode(value)
    if not NAME.fullmatch(raw_name):
        raise ValueError(f"illegal header name {name!r} (RFC 9110 section 5.6.2)")
    if ILLEGAL_IN_VALUE.search(raw_value):
        raise ValueError(f"header {name!r}: its value {value!r} holds a newline or a zero byte")
    if raw_name.startswith(b"sec-websocket-"):
        raise ValueError(f"header {name!r} belongs to the handshake: use accept(subprotocol=…) or leave it out")
    return raw_name, raw_value


def _encode(text: str | bytes) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else bytes(text)
