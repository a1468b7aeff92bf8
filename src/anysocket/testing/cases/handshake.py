"""The handshake until it is accepted, and paths that nobody serves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage

MOMENT = 0.1
"""Seconds in which an answer would have come."""


class _Handshake(Case):
    """Of this group."""

    group = "handshake"

    async def client(self, client: Client) -> None:
        """See that the connection lives."""
        async with client.connect() as peer:
            await client.see(peer)


class HandlerBeforeAnswer(_Handshake):
    """The handler runs before the upgrade is answered, so that it can authenticate first."""

    clauses = ("3.1",)
    client_sees = ("not answered yet", "accepted", "text 'welcome'")
    handler_sees = ("asked",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        stage.note("asked")
        await stage.cue("authenticated")
        await websocket.accept()
        await websocket.send_text("welcome")

    async def client(self, client: Client) -> None:
        connecting = asyncio.create_task(self._connect(client))
        await client.noted("asked")
        await asyncio.sleep(MOMENT)
        client.note("not answered yet")
        client.cue("authenticated")
        await connecting

    async def _connect(self, client: Client) -> None:
        async with client.connect() as peer:
            client.note("accepted")
            await client.see(peer)


# -- headers that no response may have --


class _IllegalAcceptHeader(_Handshake):
    """The header is refused, and the handshake goes on without it."""

    clauses = ("3.1", "3.5")
    client_sees = ("no header of the handler's", "text 'and on'")
    handler_sees = ("ValueError",)
    headers: Mapping[str, str] = {}

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await websocket.accept(headers=self.headers)
        except ValueError:
            stage.note("ValueError")
            await websocket.accept()
        await websocket.send_text("and on")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            mine = [
                repr(name.decode("latin-1")) for name, _ in peer.response_headers if name.startswith(b"x-")
            ]
            client.note(f"headers {', '.join(mine)}" if mine else "no header of the handler's")
            await client.see(peer)


class NewlineInAcceptHeader(_IllegalAcceptHeader):
    """A newline in the value of an accept header is a ValueError: no header is injected."""

    headers = {"x-one": "1\r\nx-injected: 2"}


class LineFeedInAcceptHeader(_IllegalAcceptHeader):
    """A bare line feed in the value of an accept header is a ValueError."""

    headers = {"x-one": "1\nx-injected: 2"}


class ZeroByteInAcceptHeader(_IllegalAcceptHeader):
    """A zero byte in the value of an accept header is a ValueError."""

    headers = {"x-one": "1\0"}


class NewlineInAcceptHeaderName(_IllegalAcceptHeader):
    """A newline in the name of an accept header is a ValueError: no header is injected."""

    headers = {"x-one: 1\r\nx-injected": "2"}


class SpaceInAcceptHeaderName(_IllegalAcceptHeader):
    """A space in the name of an accept header is a ValueError."""

    headers = {"x one": "1"}


class HandshakeHeaderInAccept(_IllegalAcceptHeader):
    """The handshake's own headers cannot be given to accept(): ValueError."""

    headers = {"sec-websocket-accept": "x-mine"}

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            values = peer.response_headers.getlist("sec-websocket-accept")
            client.note("the handler's header" if "x-mine" in values else "no header of the handler's")
            await client.see(peer)


# -- paths that nobody serves --


class _Unmatched(_Handshake):
    clauses: ClassVar[tuple[str, ...]] = ("3.4",)
    templates = ("/here",)
    bare = False

    async def handler(self, websocket: WebSocket, stage: Stage, **parameters: Any) -> None:
        stage.note("the handler runs")
        await websocket.accept()
        await websocket.send_text(repr(parameters))


class UnmatchedPath(_Unmatched):
    """A path without a route is accepted and closed with 1001."""

    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 1001, "no such path"),))

    async def client(self, client: Client) -> None:
        async with client.connect("/there") as peer:
            await client.see(peer)


class UnmatchedPathDenied(_Unmatched):
    """App(unmatched="deny") answers a path without a route with 404."""

    app_options = {"unmatched": "deny"}
    client_sees = ("refused 404",)

    async def client(self, client: Client) -> None:
        await client.see_answer("/there")


class UnmatchedParameter(_Unmatched):
    """A path whose parameter is not of the route's type has no route."""

    clauses = ("3.4", "2.app")
    templates = ("/<int:number>",)
    app_options = {"unmatched": "deny"}
    client_sees = ("refused 404", "refused 404", "text \"{'number': 7}\"")
    handler_sees = ("the handler runs",)

    async def client(self, client: Client) -> None:
        await client.see_answer("/seven")
        await client.see_answer("/-7")
        async with client.connect("/7") as peer:
            await client.see(peer)
