"""Calls that do not fit the state: refused by name, and the connection goes on as it was."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, peer_close_seen, peer_end_seen
from anysocket.testing._stage import Stage, outcome
from anysocket.testing.cases._ends import loop, loop_ended

STATE_ERROR = "WebSocketStateError"
BY_US = "closed 4000 'bye' by us"
DENIED = "closed 1006 'denied with HTTP status 403' by us"
REFUSAL_TIMEOUT = 2.0


class _Misuse(Case):
    """Of this group: a connection that goes on."""

    group = "misuse"
    clauses: ClassVar[tuple[str, ...]] = ("5.3",)
    client_sees: ClassVar[tuple[str, ...]] = ("text 'and on'",)

    async def client(self, client: Client) -> None:
        """See that it goes on."""
        async with client.connect() as peer:
            await client.see(peer)


async def go_on(websocket: WebSocket) -> None:
    """Show that the connection lives."""
    await websocket.send_text("and on")
    await websocket.wait_closed()


class SendBeforeAccept(_Misuse):
    """Sending before accept() is a WebSocketStateError, and accept() works after it."""

    handler_sees = (STATE_ERROR, STATE_ERROR)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await stage.attempt(websocket.send_text("too early"))
        await stage.attempt(websocket.send_bytes(b"too early"))
        await websocket.accept()
        await go_on(websocket)


class ReceiveBeforeAccept(_Misuse):
    """Receiving before accept() is a WebSocketStateError, and accept() works after it."""

    handler_sees = (STATE_ERROR,)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await stage.attempt(websocket.receive())
        await websocket.accept()
        await go_on(websocket)


class AcceptTwice(_Misuse):
    """A second accept() is a WebSocketStateError."""

    handler_sees = (STATE_ERROR,)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.accept())
        await go_on(websocket)


class AcceptFromTwoTasks(_Misuse):
    """Of two tasks that accept at once one does, and the other gets a WebSocketStateError."""

    handler_sees = ("done", STATE_ERROR)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        for came in await asyncio.gather(outcome(websocket.accept()), outcome(websocket.accept())):
            stage.note(came)
        await go_on(websocket)


class DenyAfterAccept(_Misuse):
    """deny() after accept() is a WebSocketStateError."""

    clauses = ("3.2", "5.3")
    handler_sees = (STATE_ERROR,)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.deny(403))
        await go_on(websocket)


class AcceptAfterDeny(_Misuse):
    """accept() and deny() after deny() are WebSocketStateErrors."""

    clauses = ("3.2", "5.3")
    client_sees = ("refused 403",)
    handler_sees = (STATE_ERROR, STATE_ERROR)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.deny(403)
        await stage.attempt(websocket.accept())
        await stage.attempt(websocket.deny(404))


class UseAfterDeny(_Misuse):
    """After deny() sending and receiving raise ConnectionClosed, and close() is no error."""

    clauses = ("3.2", "5.3", "5.4")
    client_sees = ("refused 403",)
    handler_sees = ("done", DENIED, DENIED, DENIED)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.deny(403)
        await stage.attempt(websocket.close())
        await stage.attempt(websocket.send_text("late"))
        await stage.attempt(websocket.send_bytes(b"late"))
        await stage.attempt(websocket.receive())


class SecondReceiver(_Misuse):
    """A second task that receives gets a WebSocketStateError, the first one gets the message."""

    clauses: ClassVar[tuple[str, ...]] = ("4.5",)
    client_sees: ClassVar[tuple[str, ...]] = ("text 'ready'",)
    handler_sees: ClassVar[tuple[str, ...]] = (STATE_ERROR, "text 'for the first'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        first = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        await stage.attempt(asyncio.wait_for(websocket.receive(), REFUSAL_TIMEOUT))
        await websocket.send_text("ready")
        await stage.attempt(first)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            await peer.send("for the first")


class LoopWhileAnotherTaskReceives(SecondReceiver):
    """A loop over the messages while another task receives is a WebSocketStateError."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        first = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        await stage.attempt(asyncio.wait_for(loop(websocket), REFUSAL_TIMEOUT))
        await websocket.send_text("ready")
        await stage.attempt(first)


class ReceiveAgainAfterTheFirst(_Misuse):
    """Receiving from one task after another is no misuse."""

    clauses = ("4.5",)
    client_sees = ()
    handler_sees = ("text 'a'", "text 'b'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(2):
            await stage.attempt(asyncio.create_task(websocket.receive()))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("a")
            await peer.send("b")


class UseAfterOurClose(_Misuse):
    """After our close every call raises ConnectionClosed with its code; a loop ends."""

    clauses = ("5.3", "4.2")
    client_sees = ()
    handler_sees = (*(BY_US,) * 5, "the loop ends")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.close(4000, "bye")
        await stage.attempt(websocket.send_text("late"))
        await stage.attempt(websocket.send_bytes(b"late"))
        await stage.attempt(websocket.accept())
        await stage.attempt(websocket.deny())
        await stage.attempt(websocket.receive())
        stage.note(await loop_ended(websocket))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive_close()


class UseAfterPeersClose(_Misuse):
    """After the peer's close every call raises ConnectionClosed with its code; a loop ends."""

    clauses = ("5.3", "4.2")
    needs = Capability.PEER_CLOSE_CODE | Capability.PEER_CLOSE_REASON

    def expected(self, capabilities: Capability) -> Sight:
        end = peer_end_seen(capabilities, 4001, "bye")
        return Sight(handler=(peer_close_seen(capabilities, 4001, "bye"), *(end,) * 5, "the loop ends"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.receive())
        await stage.attempt(websocket.send_text("late"))
        await stage.attempt(websocket.send_bytes(b"late"))
        await stage.attempt(websocket.accept())
        await stage.attempt(websocket.deny())
        await stage.attempt(websocket.receive())
        stage.note(await loop_ended(websocket))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.close(4001, "bye")
