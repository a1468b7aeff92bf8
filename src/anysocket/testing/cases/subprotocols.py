"""What the answer to the handshake carries: the subprotocol that was agreed on, and headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from anysocket._capability import Capability
from anysocket._errors import UnsupportedByTransport
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight
from anysocket.testing._stage import Stage

UNSUPPORTED = "UnsupportedByTransport that names the server, the capability and the way out"


class _Subprotocols(Case):
    """``offers`` are sent; ``chosen`` is given to accept(), and where that is refused, nothing."""

    group = "subprotocols"
    clauses: ClassVar[tuple[str, ...]] = ("3.7",)
    offers: Sequence[str] = ()
    offer_headers: Sequence[tuple[str, str]] = ()
    chosen: str | None = None

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await websocket.accept(self.chosen)
        except UnsupportedByTransport as error:
            stage.note(told(error, websocket, Capability.SUBPROTOCOL))
            await websocket.accept()
        except ValueError:
            stage.note("ValueError")
            await websocket.accept()
        await websocket.send_text("and on")

    async def client(self, client: Client) -> None:
        async with client.connect(headers=self.offer_headers, subprotocols=self.offers) as peer:
            client.note(f"agreed on {peer.subprotocol!r}")
            await client.see(peer)


def told(error: UnsupportedByTransport, websocket: WebSocket, capability: Capability) -> str:
    """Whether the message of the error is what contract 8 says."""
    server, remedy = websocket._transport.server, websocket._transport.remedy
    whole = all(part in str(error) for part in (server, f"Capability.{capability.name}", remedy))
    return UNSUPPORTED if whole else f"UnsupportedByTransport: {error}"


class _Agreed(_Subprotocols):
    """Where the transport cannot carry it: told aloud, and the connection goes on without."""

    clauses = ("3.7", "8")
    needs = Capability.SUBPROTOCOL

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.SUBPROTOCOL in capabilities:
            return Sight((f"agreed on {self.chosen!r}", "text 'and on'"))
        return Sight(("agreed on None", "text 'and on'"), (UNSUPPORTED,))


class OfferedSubprotocol(_Agreed):
    """accept(subprotocol) with one that was offered is what both sides have agreed on."""

    offers = ("other", "chat")
    chosen = "chat"


class OnlyOfferedSubprotocol(_Agreed):
    """The one subprotocol that was offered can be agreed on."""

    offers = ("v2.chat.example",)
    chosen = "v2.chat.example"


class OffersInTwoLines(_Agreed):
    """Offers in several header lines count alike: one of the first line can be agreed on."""

    offer_headers = (("sec-websocket-protocol", "first, second"), ("sec-websocket-protocol", "third"))
    chosen = "second"


class OffersWithoutSpaces(_Agreed):
    """Offers may be separated by a comma alone."""

    offer_headers = (("sec-websocket-protocol", "first,second,third"),)
    chosen = "third"


class _NotOffered(_Subprotocols):
    client_sees = ("agreed on None", "text 'and on'")
    handler_sees = ("ValueError",)


class SubprotocolNotOffered(_NotOffered):
    """accept(subprotocol) with one that was not offered is a ValueError, and the handshake goes on."""

    offers = ("other",)
    chosen = "chat"


class SubprotocolNoneOffered(_NotOffered):
    """accept(subprotocol) when the peer offered none is a ValueError, and the handshake goes on."""

    chosen = "chat"


class SubprotocolInOtherCase(_NotOffered):
    """A subprotocol's name is compared as it is, letter by letter."""

    offers = ("chat",)
    chosen = "Chat"


class SubprotocolWithNewline(_NotOffered):
    """A newline in the subprotocol is a ValueError: no header is injected."""

    clauses = ("3.7", "3.5")
    offers = ("chat",)
    chosen = "chat\r\nx-injected: 1"


class EmptySubprotocol(_NotOffered):
    """An empty subprotocol is none that was offered: ValueError."""

    offers = ("chat",)
    chosen = ""


class AcceptWithoutSubprotocol(_Subprotocols):
    """A peer whose offers interest nobody is accepted without a subprotocol."""

    offers = ("one", "two")
    client_sees = ("agreed on None", "text 'and on'")


# -- what the handler is told, and what the route negotiates --


class _Negotiated(_Subprotocols):
    bare = False
    route_options: ClassVar[Mapping[str, Any]] = {"subprotocols": ("v2", "v1")}

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        before = websocket.subprotocol
        try:
            await websocket.accept(self.chosen)
        except UnsupportedByTransport as error:
            stage.note(told(error, websocket, Capability.SUBPROTOCOL))
            await websocket.deny(501)
        else:
            stage.note(f"{before!r}, then {websocket.subprotocol!r}")
            await websocket.send_text("and on")


class _NegotiatedSubprotocol(_Negotiated):
    clauses = ("3.7", "8")
    needs = Capability.SUBPROTOCOL
    agreed = ""

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.SUBPROTOCOL in capabilities:
            return Sight((f"agreed on {self.agreed!r}", "text 'and on'"), (f"None, then {self.agreed!r}",))
        return Sight(("refused 501",), (UNSUPPORTED,))


class SubprotocolIsTold(_NegotiatedSubprotocol):
    """websocket.subprotocol is what was agreed on, and None before accept()."""

    clauses = ("3.7", "2.websocket")
    route_options = {}
    offers = ("chat",)
    chosen = "chat"
    agreed = "chat"


class RouteNegotiates(_NegotiatedSubprotocol):
    """A route agrees on the first of its subprotocols that the peer offers."""

    offers = ("v0", "v1", "v2")
    agreed = "v2"


class ChoiceBeforeRoute(_NegotiatedSubprotocol):
    """What is given to accept() counts before what the route would negotiate."""

    offers = ("v1", "v2")
    chosen = "v1"
    agreed = "v1"


class RouteNegotiatesNothing(_Negotiated):
    """A peer that offers none of the route's subprotocols is accepted without one."""

    offers = ("v0",)
    client_sees = ("agreed on None", "text 'and on'")
    handler_sees = ("None, then None",)


class RouteWithoutOffers(_Negotiated):
    """A peer that offers no subprotocol is accepted without one."""

    client_sees = ("agreed on None", "text 'and on'")
    handler_sees = ("None, then None",)


# -- headers --


class _AcceptHeaders(Case):
    group = "subprotocols"
    clauses = ("3.1", "8")
    needs = Capability.ACCEPT_HEADERS
    headers: Sequence[tuple[str | bytes, str | bytes]] = ()
    carried: tuple[str, ...] = ()
    """What the client sees of them."""

    def expected(self, capabilities: Capability) -> Sight:
        if Capability.ACCEPT_HEADERS in capabilities:
            return Sight((*self.carried, "text 'and on'"))
        nothing = tuple(f"{each.partition(':')[0]}: []" for each in self.carried)
        return Sight((*nothing, "text 'and on'"), (UNSUPPORTED,))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await websocket.accept(headers=self.headers)
        except UnsupportedByTransport as error:
            stage.note(told(error, websocket, Capability.ACCEPT_HEADERS))
            await websocket.accept()
        await websocket.send_text("and on")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for each in self.carried:
                name = each.partition(":")[0]
                client.note(f"{name}: {peer.response_headers.getlist(name)}")
            await client.see(peer)


class AcceptHeaders(_AcceptHeaders):
    """accept(headers) reach the peer, names and values as str or bytes."""

    headers = (("X-One", "1"), (b"x-two", b"a, b"))
    carried = ("x-one: ['1']", "x-two: ['a, b']")


class AcceptTwoCookies(_AcceptHeaders):
    """Two set-cookie headers reach the peer as two, in order."""

    headers = (("set-cookie", "a=1; Path=/"), ("set-cookie", "b=2"))
    carried = ("set-cookie: ['a=1; Path=/', 'b=2']",)


class NonAsciiAcceptHeader(_AcceptHeaders):
    """A header's value in latin-1 reaches the peer as it is."""

    headers = (("x-name", "J\xfcrgen"),)
    carried = ("x-name: ['J\xfcrgen']",)
