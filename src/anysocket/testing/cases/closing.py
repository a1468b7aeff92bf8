"""The end of a connection by a close of ours."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage, outcome
from anysocket.testing.cases._ends import loop_ended

CODE, REASON = Capability.CLOSE_CODE, Capability.CLOSE_REASON
MESSAGES = 100
CROSSINGS = 10


class _Closing(Case):
    """Of this group."""

    group = "closing"
    clauses: ClassVar[tuple[str, ...]] = ("5.4",)

    async def client(self, client: Client) -> None:
        """See the close."""
        async with client.connect() as peer:
            await client.see(peer)


class _Close(_Closing):
    """Of codes and reasons."""

    clauses: ClassVar[tuple[str, ...]] = ("5.4", "8")
    code = 1000
    reason = ""
    handler_sees: ClassVar[tuple[str, ...]] = ("done",)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, self.code, self.reason),), self.handler_sees)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.close(self.code, self.reason))


class CloseWith1000(_Close):
    """close() reaches the peer as 1000."""

    needs = CODE


class CloseWith1000AndReason(_Close):
    """A reason reaches the peer beside 1000."""

    needs = CODE | REASON
    reason = "that was all"


class CloseWith1001(_Close):
    """close(1001) and its reason reach the peer."""

    needs = CODE | REASON
    code, reason = 1001, "going away"


class CloseWith1003(_Close):
    """close(1003) and its reason reach the peer."""

    needs = CODE | REASON
    code, reason = 1003, "no such data"


class CloseWith1008(_Close):
    """close(1008) and its reason reach the peer."""

    needs = CODE | REASON
    code, reason = 1008, "no"


class CloseWith1011(_Close):
    """close(1011) and its reason reach the peer."""

    needs = CODE | REASON
    code, reason = 1011, "our fault"


class CloseWith4000(_Close):
    """A code of the app's own reaches the peer without a reason."""

    needs = CODE
    code = 4000


class CloseWith4999(_Close):
    """The last of the app's own codes and its reason reach the peer."""

    needs = CODE | REASON
    code, reason = 4999, "own words"


class CloseWithLongReason(_Close):
    """A reason of 123 bytes of UTF-8, the most a frame can carry, reaches the peer whole."""

    needs = CODE | REASON
    code, reason = 3000, "ü" * 61 + "x"


class CloseWhileAnotherTaskReceives(_Closing):
    """close() while another task receives does not hang: that task is told."""

    needs = CODE | REASON
    clauses = ("5.3", "5.4")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4000, "bye"),), ("done", "closed 4000 'bye' by us"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        reader = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        await stage.attempt(websocket.close(4000, "bye"))
        await stage.attempt(reader)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)


class CloseWhileAnotherTaskIterates(_Closing):
    """A loop over the messages in another task ends when we close."""

    needs = CODE
    clauses = ("4.3", "5.4")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4000),), ("done", "the loop ends"))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        reader = asyncio.create_task(loop_ended(websocket))
        await asyncio.sleep(0)
        await stage.attempt(websocket.close(4000))
        stage.note(await reader)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)


class CloseTwice(_Closing):
    """close() twice is no error: the first one counts."""

    needs = CODE | REASON
    handler_sees = ("done", "done")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4000, "first"),), self.handler_sees)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.close(4000, "first"))
        await stage.attempt(websocket.close(4001, "second"))


class CloseFromTwoTasks(_Closing):
    """Two tasks that close at once do so once, and both are done when it is."""

    needs = CODE | REASON
    handler_sees = ("done", "done")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 4000, "first"),), self.handler_sees)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        closes = (websocket.close(4000, "first"), websocket.close(4001, "second"))
        for came in await asyncio.gather(*map(outcome, closes)):
            stage.note(came)


class ClosesCross(_Closing):
    """Closes of both sides that cross end the connection like any other."""

    client_sees = (f"{CROSSINGS} times a close",)
    handler_sees = ("done",) * CROSSINGS

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.attempt(websocket.close(4000, "ours"))

    async def client(self, client: Client) -> None:
        ends: list[str] = []
        for _ in range(CROSSINGS):
            async with client.connect() as peer:
                await peer.close(4001, "theirs")
                ends.append((await client.see_end(peer)).partition(" ")[0])
        client.notes[:] = [f"{ends.count(end)} times a {end}" for end in sorted(set(ends))]


class ClosedTells(_Closing):
    """closed tells of our close at once, wait_closed() returns once the peer has answered."""

    bare = False
    clauses = ("5.4", "2.websocket")
    handler_sees = ("False", "True", "done", "done")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note(str(websocket.closed))
        await websocket.close()
        stage.note(str(websocket.closed))
        for came in await asyncio.gather(outcome(websocket.wait_closed()), outcome(websocket.wait_closed())):
            stage.note(came)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.receive_close()


class SentBeforeOurClose(_Closing):
    """What was sent before our close arrives before it."""

    needs = CODE
    clauses = ("5.1", "5.4")

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((f"{MESSAGES} in order", close_seen(capabilities, 4000)))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for number in range(MESSAGES):
            await websocket.send_text(str(number))
        await websocket.close(4000)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            numbers = [str((await peer.receive()).data) for _ in range(MESSAGES)]
            in_order = numbers == [str(number) for number in range(MESSAGES)]
            client.note(f"{MESSAGES} in order" if in_order else "out of order")
            await client.see(peer)


class UnreadAtOurClose(_Closing):
    """After our close nothing more is received, not even what was there before."""

    clauses = ("5.3",)
    handler_sees = ("closed 4000 'enough' by us", "closed 4000 'enough' by us")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await stage.cue("sent")
        await websocket.receive()
        await websocket.close(4000, "enough")
        await stage.attempt(websocket.receive())
        await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for number in range(3):
                await peer.send(str(number))
            client.cue("sent")
            await peer.receive_close()


class _InvalidClose(_Closing):
    """Of what no close frame may say."""

    client_sees: ClassVar[tuple[str, ...]] = ("text 'and on'",)
    handler_sees: ClassVar[tuple[str, ...]] = ("ValueError",)
    invalid: tuple[tuple[Any, str], ...] = ()

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        outcomes = [await outcome(websocket.close(code, reason)) for code, reason in self.invalid]
        stage.note(", ".join(sorted(set(outcomes))))
        await websocket.send_text("and on")
        await websocket.wait_closed()


class InvalidCloseCode(_InvalidClose):
    """A code that no close frame may carry is a ValueError, and the connection lives."""

    codes = (0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, -1, True)
    invalid = tuple((code, "") for code in codes)


class InvalidCloseReason(_InvalidClose):
    """A reason above 123 bytes of UTF-8 is a ValueError, and the connection lives."""

    invalid = ((1000, "x" * 124), (1000, "ü" * 62))
