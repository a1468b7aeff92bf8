"""Upgrades that the app refuses with an HTTP response."""

from __future__ import annotations

from collections.abc import Sequence

from anysocket._capability import Capability
from anysocket._errors import Denied
from anysocket._websocket import WebSocket
from anysocket.testing._case import Client, Sight, close_seen
from anysocket.testing._stage import Stage
from anysocket.testing.cases._refusing import Refusal, last_number


class DenyByDefault(Refusal):
    """deny() refuses the upgrade with 403."""

    client_sees = ("refused 403",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.deny()


class DenyWithStatus(Refusal):
    """deny(status) refuses with this status."""

    statuses: tuple[int, ...] = (400, 401, 404, 426, 429, 451, 500, 503, 511)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight(tuple(f"refused {status}" for status in self.statuses))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.deny(last_number(websocket))

    async def client(self, client: Client) -> None:
        for status in self.statuses:
            await client.see_answer(f"/{status}")


class DenyWithUnassignedStatus(DenyWithStatus):
    """deny(status) refuses with any status from 400 to 599, also one that no standard knows."""

    statuses = (499, 599)


# -- headers and body --


class _Detailed(Refusal):
    needs = Capability.DENIAL_BODY
    status = 503
    headers: Sequence[tuple[str, str]] = ()
    body: str | bytes = b""

    def expected(self, capabilities: Capability) -> Sight:
        whole = Capability.DENIAL_BODY in capabilities
        notes = [f"refused {self.status}"]
        if self.headers:
            notes.append("headers as given" if whole else "other headers")
        if self.body:
            notes.append("body as given" if whole else "another body")
        return Sight(tuple(notes))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.deny(self.status, self.headers, self.body)

    async def client(self, client: Client) -> None:
        refused = await client.see_answer()
        if refused is None:
            return
        names = dict.fromkeys(name for name, _ in self.headers)
        given = {name: ", ".join(value for each, value in self.headers if each == name) for name in names}
        if self.headers:
            seen = {name: ", ".join(refused.headers.getlist(name)) for name in names}
            client.note("headers as given" if seen == given else "other headers")
        if self.body:
            body = self.body.encode() if isinstance(self.body, str) else self.body
            client.note("body as given" if refused.body == body else "another body")


class DenyWithHeadersAndBody(_Detailed):
    """deny(status, headers, body) carries all three."""

    headers = (("retry-after", "5"), ("x-why", "busy"), ("content-type", "application/json"))
    body = b'{"error":"busy"}'


class DenyWithHeadersAlone(_Detailed):
    """A refusal may have headers and no body."""

    status = 401
    headers = (("www-authenticate", "Bearer"),)


class DenyWithText(_Detailed):
    """A body of text is sent as UTF-8."""

    body = "später wieder – 世界"


class DenyWithBytes(_Detailed):
    """A body of bytes is sent as it is."""

    body = bytes(range(256))


class DenyWithLongBody(_Detailed):
    """A body of 32 KiB arrives whole."""

    body = b"come back later\n" * 2048


class DenyWithRepeatedHeader(_Detailed):
    """Two headers of one name in a refusal both arrive, and harm nothing."""

    clauses = ("3.2", "3.5")
    status = 403
    headers = (("x-why", "one"), ("x-other", "between"), ("x-why", "two"))
    body = b"both"


# -- by raising --


class DeniedFromAnyDepth(_Detailed):
    """Denied, raised before accept() from any depth, refuses with its status, headers and body."""

    status = 429
    headers = (("retry-after", "7"),)
    body = "slow down"

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await self._authenticate(3)

    async def _authenticate(self, depth: int) -> None:
        if depth:
            await self._authenticate(depth - 1)
        raise Denied(self.status, self.headers, self.body)


class DeniedByDefault(Refusal):
    """Denied() refuses with 403."""

    client_sees = ("refused 403",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        raise Denied


class DeniedAfterAccept(Refusal):
    """Denied after accept() closes with 1008, as HTTP is over by then."""

    needs = Capability.CLOSE_CODE

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((close_seen(capabilities, 1008),))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        raise Denied(404)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)


# -- by closing --


class _CloseBeforeAccept(Refusal):
    clauses = ("3.2", "3.5")
    client_sees = ("refused 403",)
    code = 1000

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.close(self.code, "no")


class CloseBeforeAccept(_CloseBeforeAccept):
    """close() before accept() is deny(403)."""


class CloseGoingAwayBeforeAccept(_CloseBeforeAccept):
    """close(1001) before accept() is deny(403)."""

    code = 1001


class ClosePolicyBeforeAccept(_CloseBeforeAccept):
    """close(1008) before accept() is deny(403)."""

    code = 1008


class CloseOwnCodeBeforeAccept(_CloseBeforeAccept):
    """close(4999) before accept() is deny(403)."""

    code = 4999
