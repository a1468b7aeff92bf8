"""What servers leave out of a scope or write in another way, made the one neutral form."""

from __future__ import annotations

import pytest
from scripted import ABSENT, websocket_scope

from anysocket_asgi._scope import build_scope


def built(**changes):
    return build_scope(websocket_scope(**changes), {})


def test_a_scope_in_full():
    scope = built(path="/a b", raw_path=b"/a%20b", query_string=b"x=1", scheme="wss", http_version="2")
    assert (scope.path, scope.raw_path, scope.query_string) == ("/a b", b"/a%20b", b"x=1")
    assert (scope.scheme, scope.http_version, scope.host) == ("wss", "2", "example.com")
    assert (scope.client, scope.server) == (("127.0.0.1", 50000), ("127.0.0.1", 80))


def test_a_scope_with_nothing_but_the_path():
    scope = build_scope({"type": "websocket", "path": "/x"}, {"db": "pool"})
    assert (scope.path, scope.raw_path, scope.query_string, scope.root_path) == ("/x", None, b"", "")
    assert (scope.scheme, scope.http_version) == ("ws", "1.1")
    assert (scope.client, scope.server, list(scope.headers), scope.subprotocols) == (None, None, [], ())
    assert scope.state.db == "pool"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (("1.2.3.4", 5), ("1.2.3.4", 5)),
        (["1.2.3.4", 5], ("1.2.3.4", 5)),
        (("1.2.3.4", "5"), ("1.2.3.4", 5)),
        (("::1", "5"), ("::1", 5)),
        (("/run/app.socket", None), None),
        (("", "0"), None),
        (None, None),
        ((), None),
        (ABSENT, None),
    ],
)
def test_addresses(given, address):
    scope = built(client=given, server=given)
    assert scope.client == scope.server == address


@pytest.mark.parametrize(
    ("path", "root_path", "below"),
    [
        ("/api/rooms", "/api", "/rooms"),
        ("/rooms", "/api", "/rooms"),
        ("/apiary", "/api", "/apiary"),
        ("/api", "/api", "/api"),
        ("/rooms", "", "/rooms"),
    ],
)
def test_path_below_root_path(path, root_path, below):
    scope = built(path=path, root_path=root_path)
    assert (scope.path, scope.root_path) == (below, root_path)


@pytest.mark.parametrize(
    ("headers", "listed", "offered"),
    [
        ([b"chat, v2"], ["chat", "v2"], ("chat", "v2")),
        ([b"chat", b"v2"], ["v2"], ("v2",)),
        ([b"chat, v2"], ["chat, v2"], ("chat", "v2")),
        ([b"chat,v2"], ABSENT, ("chat", "v2")),
        ([], ["chat"], ("chat",)),
        ([], None, ()),
    ],
    ids=["one line", "hypercorn's last line", "a list of lines", "joined", "wsproto's list alone", "none"],
)
def test_subprotocols(headers, listed, offered):
    pairs = [(b"sec-websocket-protocol", value) for value in headers]
    assert built(headers=pairs, subprotocols=listed).subprotocols == offered


def test_headers_joined_by_the_server_stay_as_they_are():
    """Daphne joins duplicates by a comma; types other than bytes and tuples do not come through."""
    scope = built(headers=[[bytearray(b"X-A"), bytearray(b"1,2")]])
    assert list(scope.headers) == [(b"x-a", b"1,2")]
    assert all(type(part) is bytes for pair in scope.headers for part in pair)


@pytest.mark.parametrize("state", [{"db": "theirs"}, {}, None, ABSENT])
def test_state_of_the_server_wins_over_the_apps(state):
    scope = build_scope(websocket_scope(state=state), {"db": "ours", "only": "ours"})
    assert scope.state.db == ("theirs" if isinstance(state, dict) and state else "ours")
    assert scope.state.only == "ours"
