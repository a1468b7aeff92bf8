"""Who is behind a proxy, and who only says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anysocket import Address, App, Headers, Limits, Scope, TrustedProxies, WebSocket
from anysocket._proxies import ProxyHeader
from anysocket.testing import Refused, connect

PROXY = Address("10.0.0.1", 4000)
NETWORKS = ["10.0.0.0/8", "192.168.7.7", "fd00::/8"]
HEADERS: tuple[ProxyHeader, ...] = ("X-Forwarded-For", "Forwarded")


def resolved(
    header: ProxyHeader,
    *lines: str,
    peer: Address | None = PROXY,
    networks: list[str] = NETWORKS,
    proto: str | None = None,
) -> Scope:
    """The scope behind proxies that wrote these lines."""
    pairs = [(header.encode(), line.encode("latin-1")) for line in lines]
    if proto is not None:
        pairs.append((b"x-forwarded-proto", proto.encode()))
    scope = Scope("/", headers=Headers(pairs), client=peer)
    TrustedProxies(networks, header=header).resolve(scope)
    return scope


# -- X-Forwarded-For --


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["192.0.2.7"], Address("192.0.2.7", 0)),
        ([" 192.0.2.7 "], Address("192.0.2.7", 0)),
        (["192.0.2.7:4711"], Address("192.0.2.7", 4711)),
        (["2001:db8::7"], Address("2001:db8::7", 0)),
        (["[2001:db8::7]:4711"], Address("2001:db8::7", 4711)),
        (["[2001:DB8::7]"], Address("2001:db8::7", 0)),
        (["::ffff:192.0.2.7"], Address("192.0.2.7", 0)),
        (["192.0.2.7, 10.0.0.2"], Address("192.0.2.7", 0)),
        (["192.0.2.7", "10.0.0.2"], Address("192.0.2.7", 0)),
        (["192.0.2.7, fd00::1, 192.168.7.7, 10.9.9.9"], Address("192.0.2.7", 0)),
        # What the client has written itself is to the left of what the first proxy has seen.
        (["1.1.1.1, 192.0.2.7, 10.0.0.2"], Address("192.0.2.7", 0)),
        (["1.1.1.1", "192.0.2.7"], Address("192.0.2.7", 0)),
        (["10.0.0.9, 192.0.2.7"], Address("192.0.2.7", 0)),
        (["nonsense, 192.0.2.7"], Address("192.0.2.7", 0)),
        # All are proxies: the first of them asked by itself.
        (["10.0.0.3, 10.0.0.2"], Address("10.0.0.3", 0)),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy(lines: list[str], client: Address) -> None:
    assert resolved("X-Forwarded-For", *lines).client == client


@pytest.mark.parametrize(
    "line",
    ["", ",", "unknown", "_hidden", "192.0.2.256", "192.0.2.7:99999", "[::1", "192.0.2.7:x", "ä", "a:b:c"],
)
def test_what_is_no_address_leaves_the_proxy(line: str) -> None:
    assert resolved("X-Forwarded-For", line).client == PROXY
    assert resolved("X-Forwarded-For", f"192.0.2.7, {line}").client == PROXY
    assert resolved("X-Forwarded-For", f"192.0.2.7, {line}, 10.0.0.2").client == Address("10.0.0.2", 0)


@pytest.mark.parametrize(
    ("proto", "scheme"),
    [
        (None, "ws"),
        ("https", "wss"),
        ("WSS", "wss"),
        ("http", "ws"),
        ("https, http", "ws"),
        ("http, https", "wss"),
        ("gopher", "ws"),
    ],
)
def test_the_scheme_is_the_one_the_proxy_was_asked_by(proto: str | None, scheme: str) -> None:
    assert resolved("X-Forwarded-For", "192.0.2.7", proto=proto).scheme == scheme


def test_each_hop_has_its_scheme_and_the_clients_counts() -> None:
    assert resolved("X-Forwarded-For", "192.0.2.7, 10.0.0.2", proto="https, http").scheme == "wss"
    assert resolved("X-Forwarded-For", "192.0.2.7, 10.0.0.2", proto="https").scheme == "wss"
    assert resolved("X-Forwarded-For", "1.1.1.1, 192.0.2.7", proto="https, http").scheme == "ws"


# -- Forwarded --


@pytest.mark.parametrize(
    ("lines", "client", "scheme"),
    [
        (["for=192.0.2.7"], Address("192.0.2.7", 0), "ws"),
        (["For=192.0.2.7;Proto=https"], Address("192.0.2.7", 0), "wss"),
        (['for="192.0.2.7:4711"; proto="https" ;by=10.0.0.1'], Address("192.0.2.7", 4711), "wss"),
        (['for="[2001:db8::7]:4711"'], Address("2001:db8::7", 4711), "ws"),
        ([r'for="192\.0.2.7"'], Address("192.0.2.7", 0), "ws"),
        (["for=1.1.1.1, for=192.0.2.7;proto=https, for=10.0.0.2;proto=http"], Address("192.0.2.7", 0), "wss"),
        (["for=1.1.1.1", "for=192.0.2.7"], Address("192.0.2.7", 0), "ws"),
        (['by="a,b;for=6.6.6.6";for=192.0.2.7'], Address("192.0.2.7", 0), "ws"),
        # A quote that the client never closes does not swallow what the proxy has written.
        (['for="1.1.1.1, for=192.0.2.7'], Address("192.0.2.7", 0), "ws"),
        (['for="1.1.1.1, for="[2001:db8::7]"'], Address("2001:db8::7", 0), "ws"),
        (['a="', "for=192.0.2.7"], Address("192.0.2.7", 0), "ws"),
        (["nonsense, for=192.0.2.7"], Address("192.0.2.7", 0), "ws"),
    ],
)
def test_forwarded_says_who_and_how(lines: list[str], client: Address, scheme: str) -> None:
    scope = resolved("Forwarded", *lines)
    assert (scope.client, scope.scheme) == (client, scheme)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "192.0.2.7",
        "for=",
        "for=unknown",
        "for=_hidden",
        'for="_hidden"',
        "for=[2001:db8::7]",
        'for="192.0.2.7',
        "proto=https",
        "for=192.0.2.7 proto=https",
        "for=192.0.2.7;",
        'for="x, for=192.0.2.7"',
    ],
)
def test_what_rfc_7239_does_not_know_leaves_the_proxy(line: str) -> None:
    assert resolved("Forwarded", line).client == PROXY
    assert resolved("Forwarded", f"for=192.0.2.9, {line}").client == PROXY


# -- whom to believe --


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize(
    "peer", [Address("192.0.2.66", 1), Address("11.0.0.1", 1), Address("testclient", 1), None]
)
def test_nobody_else_is_believed(header: ProxyHeader, peer: Address | None) -> None:
    line = "127.0.0.1" if header == "X-Forwarded-For" else "for=127.0.0.1;proto=https"
    scope = resolved(header, line, peer=peer, proto="https")
    assert (scope.client, scope.scheme) == (peer, "ws")


@pytest.mark.parametrize("header", HEADERS)
def test_only_the_header_that_was_named_counts(header: ProxyHeader) -> None:
    other, line = (
        ("Forwarded", "for=1.1.1.1;proto=https")
        if header == "X-Forwarded-For"
        else (
            "X-Forwarded-For",
            "1.1.1.1",
        )
    )
    scope = Scope("/", headers=Headers([(other.encode(), line.encode())]), client=PROXY)
    TrustedProxies(NETWORKS, header=header).resolve(scope)
    assert (scope.client, scope.scheme) == (PROXY, "ws")


def test_a_proxy_on_a_unix_socket_is_trusted_by_name() -> None:
    assert resolved("X-Forwarded-For", "192.0.2.7", peer=None, networks=["unix"]).client == Address(
        "192.0.2.7", 0
    )
    assert resolved("X-Forwarded-For", "192.0.2.7", peer=None).client is None


def test_a_proxy_that_is_told_as_ipv4_in_ipv6_is_known() -> None:
    peer = Address("::ffff:10.0.0.1", 1)
    assert resolved("X-Forwarded-For", "192.0.2.7", peer=peer).client == Address("192.0.2.7", 0)


@pytest.mark.parametrize("network", ["*", "", "10.0.0.0/99", "10.0.0.1/8", "proxy.example", None])
def test_what_is_no_network_is_told_at_once(network: Any) -> None:
    with pytest.raises(ValueError, match=r"networks such as '10.0.0.0/8'"):
        TrustedProxies([network], header="X-Forwarded-For")


def test_mistakes_are_told_at_once() -> None:
    with pytest.raises(TypeError, match="list of networks"):
        TrustedProxies("10.0.0.0/8", header="X-Forwarded-For")
    wrong: Any = "X-Real-IP"
    with pytest.raises(ValueError, match="X-Real-IP"):
        TrustedProxies(["10.0.0.0/8"], header=wrong)


@given(st.sampled_from(HEADERS), st.text(st.characters(max_codepoint=255)))
def test_nothing_a_client_writes_moves_it(header: ProxyHeader, forged: str) -> None:
    """A proxy appends; what is to the left of it may be anything."""
    seen = "192.0.2.7" if header == "X-Forwarded-For" else 'for="192.0.2.7:80";proto=http'
    for lines in ([f"{forged}, {seen}"], [forged, seen]):
        client = resolved(header, *lines).client
        assert client is not None and client.host == "192.0.2.7"


@given(st.sampled_from(HEADERS), st.text(st.sampled_from('for="[]:;,= \\\t_1.a')))
def test_nothing_breaks_it(header: ProxyHeader, line: str) -> None:
    resolved(header, line)


def test_a_long_header_costs_little() -> None:
    for line in (',for="' * 10_000, "," * 60_000, 'for="\\",' * 8_000, "for=10.0.0.2," * 5_000):
        for header in HEADERS:
            resolved(header, line)


# -- in an app --


async def test_an_app_without_trusted_proxies_believes_nobody() -> None:
    app, clients = App(), list[Address | None]()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        clients.append(websocket.client)
        await websocket.accept()

    forged = {"x-forwarded-for": "192.0.2.7", "forwarded": "for=192.0.2.7"}
    async with connect(app, "/", headers=forged, client=("10.0.0.1", 1)):
        pass
    assert clients == [Address("10.0.0.1", 1)]


async def test_limits_per_address_see_through_a_proxy() -> None:
    proxies = TrustedProxies(["10.0.0.0/8"], header="X-Forwarded-For")
    app = App(limits=Limits(connections_per_address=1), trusted_proxies=proxies)

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.url)
        await websocket.wait_closed()

    def from_(client: str) -> Any:
        headers = {"x-forwarded-for": client, "x-forwarded-proto": "https", "host": "example.com"}
        return connect(app, "/", headers=headers, client=("10.0.0.1", 1))

    async with from_("192.0.2.1") as first, from_("192.0.2.2"):
        assert await first.receive_text() == "wss://example.com/"
        for forged in ("192.0.2.1", "1.1.1.1, 192.0.2.1"):
            with pytest.raises(Refused) as refusal:
                async with from_(forged):
                    pass
            assert refusal.value.status == 429
