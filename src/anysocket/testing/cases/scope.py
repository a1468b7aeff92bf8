"""The rest of the handshake request, and what is the connection's own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from anysocket._app import App
from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client
from anysocket.testing._stage import Stage
from anysocket.testing.cases._reading import Reading

# -- addresses and versions --


ADDRESS = "None or host as str, port as int"


def _address(address: Any) -> str:
    if address is None or (isinstance(address, tuple) and [type(each) for each in address] == [str, int]):
        return ADDRESS
    parts = f"({', '.join(type(each).__name__ for each in address)})" if not isinstance(address, str) else ""
    return f"{type(address).__name__}{parts}"


class ClientAddress(Reading):
    """client is the peer's host as str and port as int; None over a unix socket."""

    handler_sees = (ADDRESS,)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield _address(websocket.scope.client)


class ServerAddress(Reading):
    """server is our host as str and port as int; None over a unix socket."""

    handler_sees = (ADDRESS,)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield _address(websocket.scope.server)


class Scheme(Reading):
    """scheme is "ws", over TLS "wss"."""

    handler_sees = ("ws or wss",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        scheme = websocket.scope.scheme
        yield "ws or wss" if scheme in ("ws", "wss") else repr(scheme)


class HttpVersion(Reading):
    """http_version is "1.1" or "2"."""

    handler_sees = ("1.1 or 2",)

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        version = websocket.scope.http_version
        yield "1.1 or 2" if version in ("1.1", "2") else repr(version)


class _Offers(Reading):
    clauses = ("2.scope", "3.7")

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield repr(websocket.scope.subprotocols)


class OfferedSubprotocols(_Offers):
    """subprotocols are the peer's offers in order, as a tuple."""

    offers = ("v2.chat", "v1.chat")
    handler_sees = ("('v2.chat', 'v1.chat')",)


class SubprotocolsInTwoLines(_Offers):
    """Offers in several header lines count alike, in order."""

    headers = (("sec-websocket-protocol", "one,two"), ("sec-websocket-protocol", " three "))
    handler_sees = ("('one', 'two', 'three')",)


class NoSubprotocols(_Offers):
    """Without offers, subprotocols is an empty tuple."""

    handler_sees = ("()",)


# -- the connection's own --


@contextlib.asynccontextmanager
async def _lifespan(app: App) -> AsyncIterator[dict[str, str]]:
    yield {"pool": "opened by the lifespan"}


class LifespanState(Reading):
    """state has what the lifespan has provided."""

    bare = False
    app_options = {"lifespan": _lifespan}
    handler_sees = ("opened by the lifespan", "opened by the lifespan")

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield websocket.state.pool
        yield websocket.scope.state.pool


class OwnState(Reading):
    """What a handler puts in state is its connection's own."""

    handler_sees = ("mine", "AttributeError")

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        if websocket.scope.path.endswith("/first"):
            websocket.state.user = "mine"
        yield websocket.state.user

    async def client(self, client: Client) -> None:
        async with client.connect("/first"), client.connect("/second"):
            pass


class OwnId(Reading):
    """id is a str, unique to the connection, and nobody can guess the next."""

    clauses = ("2.websocket",)
    bare = False
    client_sees = ("3 different ids", "at least 96 bits", "no common half")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.id)
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as one, client.connect() as two, client.connect() as three:
            ids = [await peer.receive_text() for peer in (one, two, three)]
        client.note(f"{len(set(ids))} different ids")
        client.note("at least 96 bits" if min(map(len, ids)) >= 24 else f"{ids[0]!r}")
        halves = {half for id in ids for half in (id[: len(id) // 2], id[len(id) // 2 :])}
        client.note("no common half" if len(halves) == 6 else f"{ids}")


class AnyAttribute(Reading):
    """Any attribute can be set on a WebSocket, and is there later."""

    clauses = ("2.websocket",)
    handler_sees = ("{'name': 'ann'}", "AttributeError")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        websocket.user = {"name": "ann"}
        await websocket.accept()
        await websocket.receive()
        stage.note(repr(websocket.user))
        try:
            stage.note(repr(websocket.nobody_set_it))
        except AttributeError:
            stage.note("AttributeError")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send_text("go on")


class Capabilities(Reading):
    """capabilities are those that the server declares."""

    clauses = ("8",)
    bare = False
    client_sees = ("as declared",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text(_names(websocket.capabilities))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            told = await peer.receive_text()
            client.note("as declared" if told == _names(client.capabilities) else told)


def _names(capabilities: Capability) -> str:
    return " ".join(str(flag.name) for flag in Capability if flag in capabilities)


class RequestAfterTheEnd(Reading):
    """The request can be read when the connection is over, too."""

    asked = "/later?a=1"
    headers = (("x-name", "value"),)
    handler_sees = ("close", "'/later'", "[b'value']", ADDRESS)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note((await websocket.receive()).type)
        try:
            stage.note(self.below(websocket.scope.path))
            stage.note(repr([value for name, value in websocket.scope.headers if name == b"x-name"]))
            stage.note(_address(websocket.scope.client))
        except Exception as error:
            stage.note(type(error).__name__)
