"""What no refusal may be."""

from __future__ import annotations

from typing import Any

from anysocket._errors import Denied
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client
from anysocket.testing._stage import Stage
from anysocket.testing.cases._refusing import Refusal, last_number, see_injection


class DeniedWithIllegalStatus(Refusal):
    """Denied with what is no status of a refusal is 500."""

    clauses = ("3.2", "3.5")
    client_sees = ("refused 500",) * 3

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        raise Denied(last_number(websocket))

    async def client(self, client: Client) -> None:
        for status in (-1, 200, 1001):
            await client.see_answer(f"/{status}")


class DeniedWithIllegalHeader(Refusal):
    """Denied with a newline in a header is 500: no header is injected."""

    clauses = ("3.2", "3.5")
    client_sees = ("refused 500", "no header of the handler's")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        raise Denied(404, {"x-one": "1\r\nx-injected: 2"})

    async def client(self, client: Client) -> None:
        await see_injection(client)


class DenyWithIllegalStatus(Refusal):
    """What is no status from 400 to 599 is a ValueError, and deny() may be called again."""

    clauses = ("3.2", "3.5")
    bare = False
    statuses = (-1, 0, 99, 101, 200, 302, 399, 600, 1001, 65936, 70000)
    client_sees = ("refused 403",)
    handler_sees = ("ValueError",) * len(statuses)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        for status in self.statuses:
            await stage.attempt(websocket.deny(status))
        await websocket.deny()


class _IllegalStatus(Refusal):
    clauses = ("3.2", "3.5")
    client_sees = ("refused 403",)
    handler_sees = ("ValueError",)
    status = 0

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await websocket.deny(self.status)
        except ValueError:
            stage.note("ValueError")
            await websocket.deny()


class DenyWithZero(_IllegalStatus):
    """deny(0) is a ValueError."""


class DenyWithInformation(_IllegalStatus):
    """deny(101) is a ValueError: a refusal is no upgrade."""

    status = 101


class DenyWithSuccess(_IllegalStatus):
    """deny(200) is a ValueError: a refusal is no success."""

    status = 200


class DenyWithRedirect(_IllegalStatus):
    """deny(302) is a ValueError: clients of WebSockets follow no redirect."""

    status = 302


class DenyWithCloseCode(_IllegalStatus):
    """deny(1008) is a ValueError: a close code is no status."""

    status = 1008


class DenyWithNoNumber(Refusal):
    """A status that is no int is a ValueError, and deny() may be called again."""

    clauses = ("3.2", "3.5")
    bare = False
    client_sees = ("refused 403",)
    handler_sees = ("ValueError", "ValueError", "ValueError")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        statuses: tuple[Any, ...] = ("404", 404.0, None)
        for status in statuses:
            await stage.attempt(websocket.deny(status))
        await websocket.deny()


class _IllegalHeader(Refusal):
    clauses = ("3.2", "3.5")
    client_sees = ("refused 403", "no header of the handler's")
    handler_sees = ("ValueError",)
    header: tuple[str, str]

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            await websocket.deny(403, [self.header])
        except ValueError:
            stage.note("ValueError")
            await websocket.deny()

    async def client(self, client: Client) -> None:
        await see_injection(client)


class NewlineInDenyHeader(_IllegalHeader):
    """A newline in the value of a refusal's header is a ValueError: no header is injected."""

    header = ("x-one", "1\r\nx-injected: 2")


class NewlineInDenyHeaderName(_IllegalHeader):
    """A newline in the name of a refusal's header is a ValueError: no header is injected."""

    header = ("x-one: 1\r\nx-injected", "2")


class ZeroByteInDenyHeader(_IllegalHeader):
    """A zero byte in a refusal's header is a ValueError."""

    header = ("x-one", "1\0")
