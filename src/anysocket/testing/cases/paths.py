"""The path and the query string of the handshake request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anysocket._websocket import WebSocket
from anysocket.testing._stage import Stage, shown
from anysocket.testing.cases._reading import HOST, Reading

# -- the path --


class _Path(Reading):
    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield self.below(websocket.scope.path)


class PathIsDecoded(_Path):
    """The path is percent-decoded, in UTF-8."""

    asked = "/caf%C3%A9%20%E4%B8%96%E7%95%8C/a+b%25"
    handler_sees = ("'/café 世界/a+b%'",)


class PathWithQuestionMark(_Path):
    """An encoded question mark belongs to the path, not to the query string."""

    asked = "/what%3Fnow%23?a=1"
    handler_sees = ("'/what?now#'",)


class PathWithEncodedSlash(_Path):
    """An encoded slash is a slash in the decoded path."""

    asked = "/a%2Fb"
    handler_sees = ("'/a/b'",)


class PathWithInvalidUtf8(_Path):
    """What is no UTF-8 in the path is replaced, and harms nothing."""

    clauses = ("2.scope", "3.5")
    asked = "/a%FFb"
    handler_sees = ("'/a\ufffdb'",)


class PathParameters(Reading):
    """The path's parameters are converted to their types and handed over by name."""

    clauses = ("2.app", "2.scope")
    bare = False
    templates = ("/<int:number>/<float:ratio>/<uuid:key>/<name>/<path:rest>",)
    asked = "/042/2.5/6f1de3f4-1c3b-4c0e-9a52-0f1f7c8f2c11/J%C3%BCrgen/a/b%20c"
    handler_sees = (
        "number: 42",
        "ratio: 2.5",
        "key: UUID('6f1de3f4-1c3b-4c0e-9a52-0f1f7c8f2c11')",
        "name: 'Jürgen'",
        "rest: 'a/b c'",
        "path_params: the same",
    )

    async def handler(self, websocket: WebSocket, stage: Stage, **parameters: Any) -> None:
        for name, value in parameters.items():
            stage.note(f"{name}: {value!r}")
        same = websocket.path_params == websocket.scope.path_params == parameters
        stage.note(f"path_params: {'the same' if same else websocket.path_params}")
        await websocket.accept()


# -- the query string --


class _Query(Reading):
    def reads(self, websocket: WebSocket) -> Iterator[str]:
        query = websocket.scope.query_string
        yield f"{type(query).__name__} {shown(query)}"


class QueryString(_Query):
    """query_string is bytes, as it was sent."""

    asked = "?a=1&b=%20+&a=2&c=&%C3%BC=%FF%2F"
    handler_sees = ("bytes b'a=1&b=%20+&a=2&c=&%C3%BC=%FF%2F'",)


class NoQueryString(_Query):
    """Without a query, query_string is empty bytes."""

    handler_sees = ("bytes b''",)


class LongQueryString(_Query):
    """A query string of 4 KiB."""

    asked = "?" + "q" * 4095 + "!"
    handler_sees = ("bytes of 4096 bytes, b'qqqq' to b'qqq!'",)


class QueryParameters(Reading):
    """query_params decode the query string: the last value of a name, or all of them."""

    bare = False
    asked = "?a=1&b=%20+&a=2&c=&d&%C3%BC=%FF&e=%3D%26"
    handler_sees = ("'2' ['1', '2']", "'  '", "''", "''", "'\ufffd'", "'=&'", "None []", "a b c d e ü")

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        query = websocket.query_params
        yield f"{query['a']!r} {query.getlist('a')}"
        for name in ("b", "c", "d", "ü", "e"):
            yield repr(query[name])
        yield f"{query.get('absent')} {query.getlist('absent')}"
        yield " ".join(sorted(query))


class Url(Reading):
    """url is the address that was asked for."""

    bare = False
    headers = (("host", HOST),)
    asked = "/caf%C3%A9%20%E4%B8%96/and%3Fmore?a=1&b=%20+"
    handler_sees = (f"ws(s)://{HOST}/url/caf%C3%A9%20%E4%B8%96/and%3Fmore?a=1&b=%20+",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield websocket.url.replace("wss:", "ws:").replace("ws:", "ws(s):", 1)
