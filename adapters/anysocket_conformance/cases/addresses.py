"""What the handshake request says of its connection: addresses, versions, prefixes; and its length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage, shown
from anysocket_conformance._server_case import ServerCase
from anysocket_conformance.cases._frames import see_frame, upgraded
from anysocket_servers import Server

PREFIX = "/prefix"
LONG = 8192
PREFIX_OPTIONS = {
    "granian": "--url-path-prefix",
    "uvicorn": "--root-path",
    "hypercorn": "--root-path",
    "daphne": "--root-path",
}


class _Tells:
    """What the handler reads in its scope it sends to the client."""

    group = "scope"
    clauses: ClassVar[tuple[str, ...]] = ("2.scope",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            text = self.read(websocket)
        except Exception as error:
            text = type(error).__name__
        await websocket.send_text(text)

    def read(self, websocket: WebSocket) -> str:
        """What the handler sends."""
        raise NotImplementedError

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)


class _Told(_Tells, Case):
    """On a server for all."""


class _ToldAlone(_Tells, ServerCase):
    """On a server of its own."""

    bare = False


def host_and_port(address: Any) -> str:
    """An address as text, its port left out; what is not ours by its type."""
    if address is None:
        return "None"
    if isinstance(address, str):
        return f"a str, {'empty' if not address else 'not empty'}"
    host, port = address
    return f"{host} {type(port).__name__}"


class ClientOverTCP(_Told):
    """Over TCP, client is the peer's host as text and its port as a number."""

    tools = ("tcp", "process")
    client_sees = ("text '127.0.0.1 int'",)

    def read(self, websocket: WebSocket) -> str:
        return host_and_port(websocket.scope.client)


class ServerOverTCP(_Told):
    """Over TCP, server is the address that the server listens on."""

    tools = ("tcp", "process")
    client_sees = ("its own address",)

    def read(self, websocket: WebSocket) -> str:
        server: Any = websocket.scope.server
        return server if isinstance(server, str) else f"{server[0]}:{server[1]}"

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            text = await peer.receive_text()
        client.note("its own address" if text == client.tools["running"].endpoint.authority else text)


class AddressesOverUnixSocket(_Told):
    """Over a unix socket, client and server are None."""

    tools = ("unix",)
    client_sees = ("text 'None, None'",)

    def read(self, websocket: WebSocket) -> str:
        return f"{host_and_port(websocket.scope.client)}, {host_and_port(websocket.scope.server)}"


class SchemeOverTLS(_Told):
    """Over TLS, scheme is "wss"."""

    tools = ("tls",)
    client_sees = ("text 'wss'",)

    def read(self, websocket: WebSocket) -> str:
        return websocket.scope.scheme


class VersionOverHTTP2(_Told):
    """Over HTTP/2 (RFC 8441), http_version is "2"."""

    tools = ("http2",)
    client_sees = ("text '2'",)

    def read(self, websocket: WebSocket) -> str:
        return websocket.scope.http_version


class UrlOverTLS(_Told):
    """Over TLS, url begins with wss:// and the host that was asked for."""

    bare = False
    tools = ("tls",)
    client_sees = ("its own address",)

    def read(self, websocket: WebSocket) -> str:
        return websocket.url

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            text = await peer.receive_text()
        asked = client.tools["running"].websocket_url + client.path()
        client.note("its own address" if text == asked else text)


class VeryLongQuery(_Told):
    """A query string of 8 KiB."""

    tools = ("frames",)
    client_sees = ("text \"of 8192 bytes, b'qqqq' to b'qqq!'\"",)

    def read(self, websocket: WebSocket) -> str:
        query: Any = websocket.scope.query_string
        return shown(query)

    async def client(self, client: Client) -> None:
        try:
            async with upgraded(client, "?" + "q" * (LONG - 1) + "!") as frames:
                await see_frame(client, frames)
        except TimeoutError:
            client.note("no answer")


class PeerOverIPv6(_ToldAlone):
    """Over IPv6, client and server are addresses without brackets, and url has them in brackets."""

    host = "::1"
    tools = ("tcp", "process")
    client_sees = ("client ::1 int", "server ::1 int", "its own address")

    def read(self, websocket: WebSocket) -> str:
        scope = websocket.scope
        return "\n".join([host_and_port(scope.client), host_and_port(scope.server), websocket.url])

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            peer_address, server_address, url = (await peer.receive_text()).split("\n")
        asked = client.tools["running"].websocket_url + client.path()
        client.note(f"client {peer_address}")
        client.note(f"server {server_address}")
        client.note("its own address" if url == asked else url)


class RootPath(_ToldAlone):
    """Below a prefix that a proxy has taken away, routes match, and root_path is the prefix."""

    client_sees = ("text '/root-path /prefix'",)

    def arguments(self, server: Server) -> Sequence[str]:
        program = server.command.split()[0]
        return (PREFIX_OPTIONS[program], PREFIX)

    def read(self, websocket: WebSocket) -> str:
        return f"{websocket.scope.path} {websocket.scope.root_path}"
