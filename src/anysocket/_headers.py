"""Headers that users give, made ready for the wire."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from anysocket._errors import HeaderPairs

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a token, RFC 9110 section 5.6.2
ILLEGAL_IN_VALUE = re.compile(rb"[\x00\r\n]")


def encode_headers(headers: HeaderPairs) -> list[tuple[bytes, bytes]]:
    """Pairs of bytes with lower-case names, in the given order."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    pairs = cast("Iterable[tuple[str | bytes, str | bytes]]", pairs)
    return [(_encode(name).lower(), _encode(value)) for name, value in pairs]


def response_headers(headers: HeaderPairs) -> list[tuple[bytes, bytes]]:
    """Headers for the handshake's answer, checked.

    Raises ``ValueError`` for what would break the response apart (a newline in a value lets whoever
    controls it write headers of their own) and for the handshake's own headers.
    """
    pairs = encode_headers(headers)
    for name, value in pairs:
        if not NAME.fullmatch(name):
            raise ValueError(f"illegal header name {name!r} (RFC 9110 section 5.6.2)")
        if ILLEGAL_IN_VALUE.search(value):
            raise ValueError(f"header {name!r}: its value {value!r} holds a newline or a zero byte")
        if name.startswith(b"sec-websocket-"):
            raise ValueError(
                f"header {name!r} belongs to the handshake: use accept(subprotocol=…) or leave it out"
            )
    return pairs


def _encode(text: str | bytes) -> bytes:
    if isinstance(text, str):
        return text.encode("latin-1")
    if isinstance(text, bytes):
        return text
    raise TypeError(f"header names and values are str or bytes, not {type(text).__name__}")
