"""The start of a server, its end without anybody connected, and what it refuses to start with."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from anysocket import App, Capability, WebSocket
from anysocket.testing._case import Client, Sight
from anysocket.testing._stage import Stage
from anysocket_conformance._server_case import DOES_NOT_START, ServerCase, see_process_end
from anysocket_conformance.cases._requests import HTTP
from anysocket_starlette import Request

NUMBER = 7


class _Start(ServerCase):
    """Of this group."""

    group = "start"
    bare = False

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("served")

    async def client(self, client: Client) -> None:
        async with client.connect(subprotocols=("chat.v1", "chat.v2")) as peer:
            await client.see(peer)


# -- the lifespan --


@contextlib.asynccontextmanager
async def numbered(app: App) -> AsyncIterator[Mapping[str, Any]]:
    """A lifespan that gives a number, and the stages of those who came to the end."""
    stages: list[Stage] = []
    yield {"number": NUMBER, "stages": stages}
    for stage in stages:
        stage.note("the lifespan ends")


@contextlib.asynccontextmanager
async def failing(app: App) -> AsyncIterator[Mapping[str, Any]]:
    """A lifespan that does not begin."""
    raise RuntimeError("the database is not there")
    yield {}


class LifespanStateForHTTP(HTTP):
    """What the lifespan has provided is in the state of requests."""

    group = "start"
    app_options = {"lifespan": numbered}
    client_sees = ("200 application/json b'{\"number\":7}'",)

    def routes(self, app: App) -> None:
        @app.get(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return {"number": request.state.number}

    async def client(self, client: Client) -> None:
        await self.see(client, "GET")


class LifespanIsAround(_Start):
    """The lifespan is entered before the first connection and left when the server ends."""

    clauses = ("2.websocket", "7")
    app_options = {"lifespan": numbered}
    client_sees = ("text '7'", "the process ends")
    handler_sees = ("the lifespan ends",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        websocket.state.stages.append(stage)
        await websocket.accept()
        await websocket.send_text(str(websocket.state.number))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
        client.tools["running"].ask_to_stop()
        await see_process_end(client)


class FailingStart(_Start):
    """A lifespan that fails ends the server, its message in the log."""

    clauses = ("1",)
    app_options = {"lifespan": failing}
    in_its_log = ("RuntimeError: the database is not there",)
    client_sees = (DOES_NOT_START, "logged: RuntimeError: the database is not there")


# -- requirements --


class _Requirement(_Start):
    """Of apps that start only where the server has what they need; else the log says what that is."""

    clauses: ClassVar[tuple[str, ...]] = ("8",)
    served: ClassVar[tuple[str, ...]] = ("text 'served'",)

    def expected(self, capabilities: Capability) -> Sight:
        if self.needs & ~capabilities:
            return Sight((DOES_NOT_START, *(f"logged: {text}" for text in self.in_its_log)))
        return Sight(self.served)


class RequiresSubprotocol(_Requirement):
    """An app that requires SUBPROTOCOL starts only where it is."""

    needs = Capability.SUBPROTOCOL
    app_options = {"requires": Capability.SUBPROTOCOL}
    in_its_log = ("Capability.SUBPROTOCOL",)


class RequiresAcceptHeaders(_Requirement):
    """An app that requires ACCEPT_HEADERS starts only where they reach the peer."""

    needs = Capability.ACCEPT_HEADERS
    app_options = {"requires": Capability.ACCEPT_HEADERS}
    in_its_log = ("Capability.ACCEPT_HEADERS",)


class RequiresLostIs1006(_Requirement):
    """An app that requires LOST_IS_1006 starts only where losses are told; uvicorn differs by --ws."""

    needs = Capability.LOST_IS_1006
    app_options = {"requires": Capability.LOST_IS_1006}
    in_its_log = ("Capability.LOST_IS_1006",)


class RouteWithSubprotocols(_Requirement):
    """An app whose route negotiates subprotocols starts only where they reach the peer."""

    clauses = ("3.7", "8")
    needs = Capability.SUBPROTOCOL
    route_options = {"subprotocols": ["chat.v2", "chat.v1"]}
    in_its_log = ("Capability.SUBPROTOCOL",)
    served = ("agreed on chat.v2",)

    async def client(self, client: Client) -> None:
        async with client.connect(subprotocols=("chat.v1", "chat.v2")) as peer:
            client.note(f"agreed on {peer.subprotocol}")
