"""How a handler ends, at each stage of its connection, and what its peer sees of that."""

from __future__ import annotations

from anysocket._capability import Capability
from anysocket._errors import Denied
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._stage import Stage
from anysocket.testing.cases._outcomes import (
    NEXT,
    AfterAccept,
    AfterLoss,
    AfterOwnClose,
    AfterPeersClose,
    AnyStage,
    AwaitsCancelled,
    BeforeAccept,
    Exits,
    IsCancelled,
    Raises,
    RaisesClosed,
    RaisesGroup,
    Returns,
)

# -- before accept() --


class ReturnBeforeAccept(Returns, BeforeAccept):
    """A handler that returns before accept() refuses with 403."""

    status = 403


class RaiseBeforeAccept(Raises, BeforeAccept):
    """A handler that raises before accept() refuses with 500."""


class RaiseGroupBeforeAccept(RaisesGroup, BeforeAccept):
    """A handler whose task group fails before accept() refuses with 500."""


class ExitBeforeAccept(Exits, BeforeAccept):
    """sys.exit() before accept() refuses with 500, and the server goes on."""


class AwaitCancelledBeforeAccept(AwaitsCancelled, BeforeAccept):
    """What a handler waits for is cancelled before accept(): 500."""


class ClosedBeforeAccept(RaisesClosed, BeforeAccept):
    """ConnectionClosed out of a handler before accept() is a normal end: 403."""

    clauses = ("3.3", "5.5")
    status = 403


class CancelledBeforeAccept(IsCancelled, BeforeAccept):
    """A handler that is cancelled before accept() leaves no peer waiting."""

    client_sees = ("not accepted", "accepted")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.client_sees)

    async def client(self, client: Client) -> None:
        await super().client(client)
        if client.notes[0] != "accepted":
            client.notes[0] = "not accepted"


# -- after accept() --


class ReturnAfterAccept(Returns, AfterAccept):
    """A handler that returns closes with 1000."""

    code = 1000


class RaiseAfterAccept(Raises, AfterAccept):
    """A handler that raises closes with 1011."""


class RaiseGroupAfterAccept(RaisesGroup, AfterAccept):
    """A handler whose task group fails closes with 1011."""


class ExitAfterAccept(Exits, AfterAccept):
    """sys.exit() in a handler closes with 1011, and the server goes on."""


class AwaitCancelledAfterAccept(AwaitsCancelled, AfterAccept):
    """What a handler waits for is cancelled: 1011."""


class ClosedAfterAccept(RaisesClosed, AfterAccept):
    """ConnectionClosed out of a handler is a normal end: 1000, if its own connection is open."""

    code = 1000


class CancelledAfterAccept(IsCancelled, AfterAccept):
    """A handler that is cancelled leaves no connection open."""

    needs = Capability(0)
    client_sees = ("text 'first'", "ended", "accepted")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(self.client_sees)

    async def client(self, client: Client) -> None:
        await super().client(client)
        if client.notes[1] == "lost" or client.notes[1].startswith("close "):
            client.notes[1] = "ended"


# -- after the peer's close --


class ReturnAfterPeersClose(Returns, AfterPeersClose):
    """A handler that returns once its peer has closed: the close is answered."""


class RaiseAfterPeersClose(Raises, AfterPeersClose):
    """A handler that raises once its peer has closed: the close is answered."""


class ExitAfterPeersClose(Exits, AfterPeersClose):
    """sys.exit() once the peer has closed: the close is answered, and the server goes on."""


class CancelledAfterPeersClose(IsCancelled, AfterPeersClose):
    """A handler that is cancelled once its peer has closed: the close is answered."""


class DeniedAfterPeersClose(AfterPeersClose):
    """Denied once the peer has closed: the close is answered."""

    async def end(self) -> None:
        raise Denied(404)


# -- after a close of its own --


class ReturnAfterOwnClose(Returns, AfterOwnClose):
    """A handler that has closed and returns: the peer sees the close that was first."""


class RaiseAfterOwnClose(Raises, AfterOwnClose):
    """A handler that has closed and raises: the peer sees the close that was first."""


class ExitAfterOwnClose(Exits, AfterOwnClose):
    """sys.exit() after close(): the peer sees the close that was first, and the server goes on."""


class CancelledAfterOwnClose(IsCancelled, AfterOwnClose):
    """A handler that has closed and is cancelled: the peer sees the close that was first."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await self.lead(websocket)
        if not websocket.scope.path.endswith(NEXT):
            await stage.cue("seen")
            await self.end()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            client.cue("seen")
        await client.see_answer(NEXT)


class DeniedAfterOwnClose(AfterOwnClose):
    """Denied after close(): the peer sees the close that was first."""

    async def end(self) -> None:
        raise Denied(404)


# -- after the loss of the peer --


class RaiseAfterLoss(Raises, AfterLoss):
    """A handler that raises once its peer is lost harms nobody else."""


class ExitAfterLoss(Exits, AfterLoss):
    """sys.exit() once the peer is lost does not end the server."""


class ClosedAfterLoss(RaisesClosed, AfterLoss):
    """ConnectionClosed out of a handler whose peer is lost harms nobody else."""


# -- what was sent before --


class ReturnAfterSends(AnyStage):
    """What a handler has sent before it returns arrives before the close."""

    clauses = ("5.5", "5.1")
    needs = Capability.CLOSE_CODE
    count = 50

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((f"{self.count} messages in order", close_seen(capabilities, 1000)))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for number in range(self.count):
            await websocket.send_text(str(number))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            numbers = [await peer.receive_text() for _ in range(self.count)]
            right = numbers == [str(number) for number in range(self.count)]
            client.note(f"{self.count} messages in order" if right else ", ".join(numbers))
            await client.see(peer)
