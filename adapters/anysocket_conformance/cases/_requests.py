"""What cases of HTTP have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from anysocket.testing._case import Case, Client
from anysocket.testing._stage import shown
from anysocket_servers import Response


class HTTP(Case):
    """Of this group."""

    group = "http"
    clauses: ClassVar[tuple[str, ...]] = ("1", "2.http")
    tools: ClassVar[tuple[str, ...]] = ("request",)
    bare = False

    async def request(self, client: Client, method: str, path: str = "", **content: Any) -> Response:
        """One request below the case's path."""
        response: Response = await client.tools["request"](method, client.path(path), **content)
        return response

    async def see(self, client: Client, method: str, path: str = "", **content: Any) -> None:
        """Note the answer to one request."""
        client.note(described(await self.request(client, method, path, **content)))


def described(response: Response) -> str:
    """Status, kind and body of a response."""
    kind = response.headers.get("content-type", "no type").partition(";")[0]
    return f"{response.status} {kind} {shown(response.body)}"
