"""The headers of the handshake request."""

from __future__ import annotations

from collections.abc import Iterator

from anysocket._websocket import WebSocket
from anysocket.testing._stage import shown
from anysocket.testing.cases._reading import HOST, Reading, ReadingPairs


class HeaderPairs(ReadingPairs):
    """Headers are pairs of bytes, their names in lower case, their values as they were."""

    headers = (("X-Name", "The Value"),)
    names = (b"x-name",)
    handler_sees = ("[(b'x-name', b'The Value')]",)


class RepeatedHeader(ReadingPairs):
    """A header that was sent twice is there twice, in order."""

    headers = (("x-many", "two"), ("x-many", "one"))
    names = (b"x-many",)
    handler_sees = ("[(b'x-many', b'two'), (b'x-many', b'one')]",)


class EmptyHeader(ReadingPairs):
    """A header without a value is there."""

    headers = (("x-empty", ""),)
    names = (b"x-empty",)
    handler_sees = ("[(b'x-empty', b'')]",)


class LongHeader(Reading):
    """A header of 4 KiB."""

    headers = (("x-long", "h" * 4095 + "!"),)
    handler_sees = ("of 4096 bytes, b'hhhh' to b'hhh!'",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield from (shown(value) for name, value in websocket.scope.headers if name == b"x-long")


class HeaderLookup(Reading):
    """Headers are looked up by str or bytes in any case, and answer in the name's type."""

    bare = False
    headers = (("x-name", "value"),)
    handler_sees = (
        "'value' ['value'] True",
        "b'value' [b'value'] True",
        "None 'default' [] False",
        "the same",
    )

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        headers = websocket.headers
        yield f"{headers.get('X-Name')!r} {headers.getlist('x-name')} {'x-NAME' in headers}"
        yield f"{headers.get(b'X-Name')!r} {headers.getlist(b'x-name')} {b'x-NAME' in headers}"
        absent = "x-absent"
        default = headers.get(absent, "default")
        yield f"{headers.get(absent)} {default!r} {headers.getlist(absent)} {absent in headers}"
        yield "the same" if list(headers) == list(websocket.scope.headers) else "another"


class RepeatedHeaderLookup(Reading):
    """Of a header that was sent twice, get() gives the first value and getlist() both."""

    bare = False
    headers = (("x-many", "one"), ("x-many", "two"))
    handler_sees = ("'one' ['one', 'two']", "b'one' [b'one', b'two']")

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        headers = websocket.headers
        yield f"{headers.get('x-many')!r} {headers.getlist('x-many')}"
        yield f"{headers.get(b'x-many')!r} {headers.getlist(b'x-many')}"


class _Cookies(Reading):
    bare = False

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield repr(sorted(websocket.cookies.items()))


class Cookies(_Cookies):
    """cookies are those of the cookie header, by name; of several with one name the last."""

    headers = (("cookie", 'one=1; two=a=b; three="q"; four=; one=2'),)
    handler_sees = ("[('four', ''), ('one', '2'), ('three', 'q'), ('two', 'a=b')]",)


class CookiesInTwoHeaders(_Cookies):
    """cookies are those of every cookie header, as HTTP/2 may send them."""

    headers = (("cookie", "one=1; two=2"), ("cookie", "three=3"))
    handler_sees = ("[('one', '1'), ('three', '3'), ('two', '2')]",)


class HostHeader(Reading):
    """The host that was asked for is in the headers, over HTTP/2 too."""

    headers = (("host", HOST),)
    handler_sees = ("b'app.example:8080'",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield from (repr(value) for name, value in websocket.scope.headers if name == b"host")
