"""What only the bytes of the request tell: servers parse them, and not all hand everything over."""

from __future__ import annotations

from collections.abc import Iterator

from anysocket._websocket import WebSocket
from anysocket.testing.cases._reading import Reading, ReadingPairs


class RawPath(Reading):
    """raw_path is the path as it was sent, in bytes: an encoded slash is told from a slash."""

    tools = ("request",)
    asked = "/caf%C3%A9/a%2Fb%3F?a=1"
    handler_sees = ("b'/raw-path/caf%C3%A9/a%2Fb%3F'",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield repr(websocket.scope.raw_path)


class HeaderOrder(ReadingPairs):
    """Headers come in the order of the request, also between two of one name."""

    tools = ("request",)
    headers = (("x-many", "one"), ("x-other", "between"), ("x-many", "two"))
    names = (b"x-many", b"x-other")
    handler_sees = ("[(b'x-many', b'one'), (b'x-other', b'between'), (b'x-many', b'two')]",)


class NonAsciiHeader(ReadingPairs):
    """A header's value in latin-1 is there, byte for byte."""

    tools = ("request",)
    clauses = ("2.scope", "3.5")
    headers = (("x-name", "J\xfcrgen"), ("x-next", "there"))
    names = (b"x-name", b"x-next")
    handler_sees = (r"[(b'x-name', b'J\xfcrgen'), (b'x-next', b'there')]",)
