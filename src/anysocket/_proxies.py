"""Who is behind a proxy: the client that proxies we trust tell of (RFC 7239 section 8.1)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from anysocket._scope import Address, Scope

ProxyHeader = Literal["X-Forwarded-For", "Forwarded"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix"
"""The network of the peers that have no address, as they come over a unix socket."""
SCHEMES = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
PAIR = rf'({TOKEN})=({TOKEN}|"(?:[^"\\]|\\.)*")'
PAIRS = re.compile(PAIR)
ELEMENT = re.compile(rf"[ \t]*{PAIR}(?:[ \t]*;[ \t]*{PAIR})*[ \t]*")
"""One hop of ``Forwarded`` (RFC 7239 section 4)."""
NODE = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[^:\[\]]*))(?::(?P<port>\d{1,5}))?")
"""An address with a port or without (RFC 7239 section 6)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """What a proxy tells of whom it was asked by; None where it does not tell, or not so that it is clear."""

    client: Address | None
    scheme: str | None = None


class TrustedProxies:
    """The proxies in front of an app, ``App(trusted_proxies=…)``, and the one header by which they tell whom
    they serve: ``websocket.client`` is then that client, ``websocket.scope.scheme`` the scheme it has used.

    ``networks``: addresses and networks of the proxies, ``"10.0.0.0/8"``, and ``"unix"`` for what comes over
    unix sockets. ``header``: ``"X-Forwarded-For"``, with the scheme in ``X-Forwarded-Proto``, or
    ``"Forwarded"``. The proxies must write it, and append to what there is or replace it: all that is left
    of what they have written may be forged.

    The client is the last hop that is no trusted proxy. Headers of any other peer are not looked at. Where a
    proxy tells nothing, or nothing that is an address, the client is the proxy. Ports are 0 where they are
    not told.

    Raises ``ValueError`` for what is no network and for any other header.
    """

    __slots__ = ("header", "networks")

    def __init__(self, networks: Iterable[str], header: ProxyHeader) -> None:
        if isinstance(networks, str):
            raise TypeError(f"networks takes a list of networks, not the str {networks!r}")
        if header not in ("X-Forwarded-For", "Forwarded"):
            raise ValueError(f"header must be 'X-Forwarded-For' or 'Forwarded', not {header!r}")
        self.header = header
        self.networks = tuple(_network(network) for network in networks)

    def trusts(self, client: Address | None) -> bool:
        """Whether this peer is one of the proxies."""
        if client is None:
            return UNIX in self.networks
        address = _parse_ip(client.host)
        return address is not None and any(
            address in network for network in self.networks if not isinstance(network, str)
        )

    def resolve(self, scope: Scope) -> None:
        """Put the client and its scheme in the place of the proxy's."""
        hops = self._hops(scope)
        while self.trusts(scope.client):
            hop = next(hops, None)
            if hop is None or hop.client is None:
                return
            scope.client = hop.client
            scope.scheme = hop.scheme or scope.scheme

    def _hops(self, scope: Scope) -> Iterator[Hop]:
        """From the last proxy back to the client."""
        text = ",".join(scope.headers.getlist(self.header))
        if self.header == "Forwarded":
            return (_forwarded_hop(element) for element in _elements(text))
        schemes = reversed(",".join(scope.headers.getlist("x-forwarded-proto")).split(","))
        return (
            Hop(_parse_node(node.strip()), SCHEMES.get(next(schemes, "").strip().lower()))
            for node in reversed(text.split(","))
        )


def _network(text: str) -> Network | Literal["unix"]:
    if text == UNIX:
        return "unix"
    try:
        return ipaddress.ip_network(text)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"trusted proxies are addresses, networks such as '10.0.0.0/8', or 'unix', not {text!r}: {error}"
        ) from None


def _parse_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parse_node(text: str) -> Address | None:
    """``192.0.2.7``, ``192.0.2.7:80``, ``[2001:db8::7]:80`` or ``2001:db8::7``; None for all else, such as
    ``unknown`` and what a proxy has made unrecognisable (RFC 7239 section 6.3)."""
    address = _parse_ip(text)
    if address is not None:
        return Address(str(address), 0)
    found = NODE.fullmatch(text)
    address = found and _parse_ip(found["six"] or found["four"] or "")
    if found is None or address is None:
        return None
    port = int(found["port"] or 0)
    return Address(str(address), port) if port < 1 << 16 else None


def _elements(text: str) -> Iterator[str]:
    """The hops of ``Forwarded`` from the last one back, as far as what is written is one.

    Read from the right, where trusted proxies have written: whatever somebody has put to the left of it,
    such as a quote that is never closed, does not change it.
    """
    end = start = len(text)
    while end > 0:
        start = text.rfind(",", 0, start)
        element = text[start + 1 : end]
        if ELEMENT.fullmatch(element):
            yield element
            end = start
        elif start < 0:
            return


def _forwarded_hop(element: str) -> Hop:
    pairs = {name.lower(): value for name, value in PAIRS.findall(element)}
    values = {
        name: re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        for name, value in pairs.items()
    }
    return Hop(_parse_node(values.get("for", "")), SCHEMES.get(values.get("proto", "").lower()))
