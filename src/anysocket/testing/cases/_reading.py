"""What cases of the handshake request have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage

HOST = "app.example:8080"
"""What clients name as the host where a case shows it, so that it is the same everywhere."""


class Reading(Case):
    """``asked`` for with ``headers``, the handler reads what it ``reads``."""

    group = "scope"
    clauses: ClassVar[tuple[str, ...]] = ("2.scope",)
    asked = ""
    headers: Sequence[tuple[str, str]] = ()
    offers: Sequence[str] = ()

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        """What the handler notes."""
        raise NotImplementedError

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        try:
            for text in self.reads(websocket):
                stage.note(text)
        except Exception as error:
            stage.note(type(error).__name__)
        await websocket.accept()

    async def client(self, client: Client) -> None:
        async with client.connect(self.asked, self.headers, self.offers):
            pass

    def below(self, path: str) -> str:
        """The path below the case's own."""
        return repr(path.removeprefix(f"/{self.name}"))


class ReadingPairs(Reading):
    """The headers of these ``names`` as pairs of bytes."""

    names: tuple[bytes, ...] = ()

    def reads(self, websocket: WebSocket) -> Iterator[str]:
        yield repr([(name, value) for name, value in websocket.scope.headers if name.lower() in self.names])
