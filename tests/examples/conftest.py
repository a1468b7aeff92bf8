"""The fixture ``example``: the example that the test module names as ``APP``, served on every server."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from anysocket import Capability, Message
from anysocket.testing import Peer, Refused
from anysocket_servers import Response, Running
from peers import receive_data

ROOT = Path(__file__).parents[2]

Pairs = Sequence[tuple[str, str]]
Value = TypeVar("Value")

_numbers = itertools.count(1)


class Example:
    """An example that is being served, with the steps that its tests share."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.server = running.server

    @staticmethod
    def unique(word: str) -> str:
        """A name that no other test uses: an app is served once for many tests."""
        return f"{word}-{os.getpid()}-{next(_numbers)}"

    # -- HTTP --

    async def request(self, method: str, path: str, **content: Any) -> Response:
        return await self.running.request(method, path, **content)

    async def get(self, path: str) -> Any:
        """The JSON that a GET answers with status 200."""
        response = await self.running.request("GET", path)
        assert response.status == 200
        return response.json()

    async def post(self, path: str, value: Any) -> Any:
        """The JSON that a POST of ``value`` answers with status 200."""
        response = await self.running.request("POST", path, json=value)
        assert response.status == 200, response.text
        return response.json()

    async def eventually(
        self, ask: Callable[[], Awaitable[Value]], wanted: Value, seconds: float = 5.0
    ) -> None:
        """Ask again and again until the answer is ``wanted``; after ``seconds`` fail with the last one."""
        end = time.monotonic() + seconds
        while (answer := await ask()) != wanted:
            assert time.monotonic() < end, f"{wanted!r} not within {seconds:g} s, but {answer!r}"
            await asyncio.sleep(0.02)

    # -- WebSockets --

    def connect(self, path: str, headers: Pairs = ()) -> AbstractAsyncContextManager[Peer]:
        return self.running.connect(path, headers=headers)

    @staticmethod
    async def ask(peer: Peer, value: Any) -> Any:
        """Send JSON and return the JSON that comes next."""
        await peer.send_json(value)
        return await peer.receive_json()

    @staticmethod
    async def receive_until(peer: Peer, last: str) -> Sequence[str | bytes]:
        """All messages up to ``last``."""
        heard = [await receive_data(peer)]
        while heard[-1] != last:
            heard.append(await receive_data(peer))
        return heard

    async def refused(self, path: str, headers: Pairs = ()) -> Refused:
        """How the handshake is refused; fail if it is not."""
        with pytest.raises(Refused) as refused:
            async with self.connect(path, headers):
                pass
        return refused.value

    # -- what this server can tell a peer --

    def assert_closed(self, closed: Message, code: int, reason: str = "") -> None:
        """The peer saw this end, as far as the server can carry it."""
        assert (closed.code, closed.reason) == self.server.expected_close(code, reason)

    def assert_refused(self, refused: Refused, status: int, text: str = "") -> None:
        """The peer saw this refusal, as far as the server can carry it."""
        assert refused.status == (status if self.server.denial_status else 403)
        if Capability.DENIAL_BODY in self.server.capabilities:
            assert refused.body.decode() == text


@pytest.fixture
def serve_example(serve: Callable[..., Running]) -> Callable[..., Example]:
    """Serve an app by name, with variables in its environment."""

    def serve_example(
        app: str, *, folder: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> Example:
        return Example(serve(app, folder, environment=environment))

    return serve_example


@pytest.fixture
def example(serve_example: Callable[..., Example], request: pytest.FixtureRequest) -> Example:
    return serve_example(request.module.APP)
