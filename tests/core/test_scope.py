"""The handshake request, normalised (contract section 2)."""

from __future__ import annotations

import pytest

from anysocket import Address, Headers, QueryParams, Scope
from anysocket._scope import offered_subprotocols

HEADERS = Headers(
    [(b"Host", b"example.com"), (b"x-a", b"1"), (b"X-A", b"2"), (b"x-latin", "é".encode("latin-1"))]
)


def test_headers_iterate_as_pairs_of_bytes_with_lower_case_names() -> None:
    assert list(HEADERS)[:3] == [(b"host", b"example.com"), (b"x-a", b"1"), (b"x-a", b"2")]
    assert len(HEADERS) == 4


@pytest.mark.parametrize("name", ["X-A", "x-a"])
def test_headers_answer_in_the_type_of_the_name(name: str) -> None:
    assert HEADERS.get(name) == "1"
    assert HEADERS.get(name.encode()) == b"1"
    assert HEADERS.getlist(name) == ["1", "2"]
    assert HEADERS.getlist(name.encode()) == [b"1", b"2"]
    assert name in HEADERS and name.encode() in HEADERS


def test_headers_that_are_missing_give_the_default() -> None:
    assert HEADERS.get("nope") is None
    assert HEADERS.get("nope", "other") == "other"
    assert HEADERS.get(b"nope", b"other") == b"other"
    assert HEADERS.getlist("nope") == []
    assert "nope" not in HEADERS
    assert 7 not in HEADERS


def test_no_header_is_unreadable() -> None:
    assert HEADERS.get("x-latin") == "é"
    assert HEADERS.get("名") is None


def test_headers_show_what_they_hold() -> None:
    assert repr(Headers([(b"a", b"b")])) == "Headers([(b'a', b'b')])"


def test_query_parameters_give_the_last_and_all_of_a_name() -> None:
    query = QueryParams(b"a=1&b=x+y&a=%C3%BC&empty=")
    assert query["a"] == "ü"
    assert query.getlist("a") == ["1", "ü"]
    assert dict(query) == {"a": "ü", "b": "x y", "empty": ""}
    assert len(query) == 3
    assert query.get("none", "default") == "default"


def test_the_url_is_what_the_peer_asked_for() -> None:
    scope = Scope("/a b", b"x=1", HEADERS, scheme="wss", raw_path=b"/a%20b")
    assert scope.url == "wss://example.com/a%20b?x=1"


def test_the_url_is_quoted_where_the_server_tells_no_raw_path() -> None:
    assert Scope("/a b/ü", headers=HEADERS).url == "ws://example.com/a%20b/%C3%BC"


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (Address("10.0.0.1", 8000), "10.0.0.1:8000"),
        (Address("::1", 8000), "[::1]:8000"),
        (None, ""),
    ],
)
def test_without_a_host_header_the_host_is_the_servers_address(address: Address | None, host: str) -> None:
    assert Scope("/", server=address).host == host


def test_cookies_by_name_from_every_line() -> None:
    """RFC 6265 section 5.4; quotes around a value are no part of it."""
    lines = [(b"cookie", b'a=1; b="two";novalue; =noname; c=x=y'), (b"cookie", b"a=3")]
    assert Scope("/", headers=Headers(lines)).cookies == {"a": "3", "b": "two", "c": "x=y"}


def test_subprotocols_from_one_header_or_several_count_alike() -> None:
    """Contract 3.7, RFC 6455 section 4.1 item 10."""
    lines = [(b"Sec-WebSocket-Protocol", b"chat, soap,"), (b"sec-websocket-protocol", b" json ")]
    assert offered_subprotocols(Headers(lines)) == ("chat", "soap", "json")
