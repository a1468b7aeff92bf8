"""What cases of refused upgrades have in common."""

from __future__ import annotations

from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client


class Refusal(Case):
    """A handler that refuses."""

    group = "handshake"
    clauses: ClassVar[tuple[str, ...]] = ("3.2",)

    async def client(self, client: Client) -> None:
        await client.see_answer()


def last_number(websocket: WebSocket) -> int:
    """At the end of the path."""
    return int(websocket.scope.path.rpartition("/")[2])


async def see_injection(client: Client) -> None:
    """Note the refusal and which headers with x- it has."""
    refused = await client.see_answer()
    mine = [repr(name.decode()) for name, _ in refused.headers if name.startswith(b"x-")] if refused else []
    client.note(f"headers {', '.join(mine)}" if mine else "no header of the handler's")
