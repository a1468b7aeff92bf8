"""What is one too many, for an app, a route, a room, a connection (contract 6.7)."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import ClassVar

from anysocket import Capability, Limits, TrustedProxies, WebSocket, WebSocketManager
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage

LEFT = "left"
RARELY = 0.001
"""Messages per second: none is added while a case is played."""
SHORT = 0.5
"""Seconds until a timeout, more than a slow machine takes to answer."""
CLOSES = Capability.CLOSE_CODE | Capability.CLOSE_REASON


class _Limits(Case):
    """An echo, within limits."""

    group = "limits"
    clauses: ClassVar[tuple[str, ...]] = ("6.7",)
    bare = False
    one_process = True

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            async for message in websocket:
                await websocket.send(message.data)
        finally:
            stage.note(LEFT)

    async def enter(
        self, client: Client, stack: AsyncExitStack, header: tuple[str, str] | None = None
    ) -> None:
        """Come in, and stay until the stack is left."""
        peer = await stack.enter_async_context(client.connect(headers=[header] if header else []))
        await peer.send_text("inside")
        await client.see(peer)


class _Closes(_Limits):
    """Of those that end with 1008 and the limit's name."""

    needs = CLOSES
    before: ClassVar[tuple[str, ...]] = ()
    limit: ClassVar[str]

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((*self.before, close_seen(capabilities, 1008, self.limit)), self.handler_sees)


# -- connections --


class ConnectionsInAll(_Limits):
    """Above the limit on connections a handshake gets 503, until one of them has ended."""

    app_options = {"limits": Limits(connections=2)}
    client_sees = ("text 'inside'", "text 'inside'", "refused 503", "accepted")
    handler_sees = (LEFT, LEFT, LEFT)

    async def client(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            await self.enter(client, stack)
            async with AsyncExitStack() as other:
                await self.enter(client, other)
                await client.see_answer()
            await client.noted(LEFT)
            await client.see_answer()


class ConnectionsOfOneAddress(_Limits):
    """Above the limit on the connections of one address a handshake gets 429."""

    app_options = {"limits": Limits(connections_per_address=2)}
    client_sees = ("text 'inside'", "text 'inside'", "refused 429")
    handler_sees = (LEFT, LEFT)

    async def client(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            await self.enter(client, stack)
            await self.enter(client, stack)
            await client.see_answer()


class ConnectionsOfOneRoute(ConnectionsOfOneAddress):
    """A route has limits of its own."""

    app_options = {}
    route_options = {"limits": Limits(connections=2)}
    client_sees = ("text 'inside'", "text 'inside'", "refused 503")


class RefusalNamesTheLimit(_Limits):
    """The body of a refusal is the name of the limit."""

    needs = Capability.DENIAL_BODY
    app_options = {"limits": Limits(connections=1)}
    handler_sees = (LEFT,)

    def expected(self, capabilities: Capability) -> Sight:
        body = b"connections" if Capability.DENIAL_BODY in capabilities else b""
        return Sight(("text 'inside'", "refused 503", repr(body)), self.handler_sees)

    async def client(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            await self.enter(client, stack)
            refused = await client.see_answer()
            client.note(repr(refused and refused.body))


class AddressBehindProxy(_Limits):
    """Behind a trusted proxy its clients are counted, by what it has written itself."""

    tools = ("tcp",)
    app_options = {
        "limits": Limits(connections_per_address=1),
        "trusted_proxies": TrustedProxies(["127.0.0.0/8"], header="X-Forwarded-For"),
    }
    client_sees = ("text 'inside'", "text 'inside'", "refused 429", "refused 429")
    handler_sees = (LEFT, LEFT)

    async def client(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            await self.enter(client, stack, ("x-forwarded-for", "192.0.2.1"))
            await self.enter(client, stack, ("x-forwarded-for", "192.0.2.2"))
            await client.see_answer(headers=[("x-forwarded-for", "192.0.2.1")])
            await client.see_answer(headers=[("x-forwarded-for", "192.0.2.3, 192.0.2.1")])


# -- rooms --


class _Rooms(_Closes):
    """The handler joins the rooms that it is told."""

    manager: ClassVar[WebSocketManager]
    handler_sees = ()

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        self.manager.add_connection(websocket.id, websocket)
        async for room in websocket.iter_text():
            self.manager.join_room(websocket.id, stage.token + room)
            await websocket.send_text(f"in {room}")


class FullRoom(_Rooms):
    """Who joins a full room is closed with 1008, and who is in it stays."""

    manager = WebSocketManager(limits=Limits(connections_per_room=1))
    limit = "connections_per_room"
    before = ("text 'in kitchen'",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((*super().expected(capabilities).client, "text 'in bath'"))

    async def client(self, client: Client) -> None:
        async with client.connect() as first, client.connect() as second:
            await first.send_text("kitchen")
            await client.see(first)
            await second.send_text("kitchen")
            await client.see(second)
            await first.send_text("bath")
            await client.see(first)


class TooManyRooms(_Rooms):
    """Who joins more rooms than it may is closed with 1008."""

    manager = WebSocketManager(limits=Limits(rooms_per_connection=2))
    limit = "rooms_per_connection"
    before = ("text 'in kitchen'", "text 'in bath'")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for room in ("kitchen", "bath", "attic"):
                await peer.send_text(room)
                await client.see(peer)


class FullRoomBeforeAccept(_Limits):
    """Who joins a full room before accept() gets 503."""

    manager = WebSocketManager(limits=Limits(connections_per_room=1))
    client_sees = ("text 'inside'", "refused 503")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        self.manager.add_connection(websocket.id, websocket)
        self.manager.join_room(websocket.id, stage.token)
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message.data)

    async def client(self, client: Client) -> None:
        async with AsyncExitStack() as stack:
            await self.enter(client, stack)
            await client.see_answer()


# -- messages and time --


class MessagesPerSecond(_Closes):
    """Messages within the limit are delivered; one more closes with 1008."""

    app_options = {"limits": Limits(messages_per_second=RARELY, message_burst=3)}
    limit = "messages_per_second"
    before = ("text '1'", "text '2'", "text '3'")
    handler_sees = (LEFT,)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for number in "1234":
                await peer.send_text(number)
                await client.see(peer)


class IdleTimeout(_Closes):
    """A peer that sends nothing for idle_timeout is closed with 1008."""

    app_options = {"limits": Limits(idle_timeout=SHORT)}
    limit = "idle_timeout"
    before = ("text 'inside'",)
    handler_sees = (LEFT,)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send_text("inside")
            await client.see(peer)
            await client.see(peer)


class AcceptTimeout(_Limits):
    """A handler that leaves a handshake unanswered is cancelled after accept_timeout; the peer gets 503."""

    app_options = {"limits": Limits(accept_timeout=SHORT)}
    client_sees = ("refused 503",)
    handler_sees = ("cancelled",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            stage.note("cancelled")
            raise

    async def client(self, client: Client) -> None:
        await client.see_answer()
