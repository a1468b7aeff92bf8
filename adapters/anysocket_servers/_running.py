"""An app that is being served, whatever serves it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from anysocket.testing import Peer
from anysocket_servers._endpoint import TIMEOUT, Endpoint
from anysocket_servers._handshake import Handshake
from anysocket_servers._requests import Response
from anysocket_servers._table import Server

START_TIMEOUT = 20.0
"""Seconds until a server must serve."""
STOP_TIMEOUT = 15.0
"""Seconds between SIGTERM and SIGKILL: longer than the default drain of an app."""

Pairs = Sequence[tuple[str, str]]


class StartError(Exception):
    """The server did not come up; the message has its log."""


class Running(ABC):
    """An app that is being served. ``endpoint`` is where, for clients of one's own."""

    endpoint = Endpoint("testserver")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = server.name
        self._mark = 0

    @property
    def url(self) -> str:
        """The address for HTTP, without a path: the origin of this server's own pages."""
        return self.endpoint.url

    @property
    def websocket_url(self) -> str:
        """The address for WebSockets, without a path."""
        return self.endpoint.websocket_url

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.endpoint.port

    @abstractmethod
    def _connect(self, handshake: Handshake, timeout: float) -> AbstractAsyncContextManager[Peer]: ...

    def connect(
        self,
        path: str,
        headers: Pairs = (),
        subprotocols: Sequence[str] = (),
        origin: str | None = None,
        timeout: float = TIMEOUT,
    ) -> AbstractAsyncContextManager[Peer]:
        """A peer that is connected inside ``async with``, in the current event loop of asyncio; what it waits
        for is bounded by ``timeout`` seconds.

        Raises :class:`anysocket.testing.Refused`, and ``AssertionError`` when the handshake is not answered.
        """
        extra = [*headers, *([("origin", origin)] if origin is not None else [])]
        return self._connect(Handshake(path, tuple(extra), tuple(subprotocols)), timeout)

    async def request(
        self, method: str, path: str, *, json: Any = None, body: bytes | None = None, headers: Pairs = ()
    ) -> Response:
        """One HTTP request; ``json`` or ``body`` is its content. Raises what httpx2 does, after 10 s at the
        latest."""
        content: dict[str, Any] = {"headers": list(headers)}
        if json is not None:
            content["json"] = json
        if body is not None:
            content["content"] = body
        return await self._request(method, path, content)

    @abstractmethod
    async def _request(self, method: str, path: str, content: dict[str, Any]) -> Response: ...

    @abstractmethod
    def alive(self) -> bool:
        """Whether the server can still serve."""

    @abstractmethod
    def _whole_log(self) -> str: ...

    def log(self) -> str:
        """What server and app have logged and printed since ``mark()``, or since the start."""
        return self._whole_log()[self._mark :]

    def mark(self) -> None:
        """Let ``log()`` begin here."""
        self._mark = len(self._whole_log())

    async def logged(self, text: str, timeout: float = TIMEOUT) -> str:
        """Wait until ``log()`` has ``text``, and return the log; ``AssertionError`` after ``timeout`` s."""
        end = time.monotonic() + timeout
        while text not in self.log():
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: {text!r} not logged within {timeout:g} s:\n{self.log()}")
            await asyncio.sleep(0.01)
        return self.log()

    def ask_to_stop(self) -> None:  # noqa: B027 - in this process there is nothing to begin
        """Begin to stop, without waiting."""

    @abstractmethod
    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Stop: gracefully within ``timeout`` seconds, or else by force. Nothing is left running."""
