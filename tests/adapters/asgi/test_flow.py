"""Sends wait for a server that takes whatever it is given, until it holds little."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.internet.abstract import FileDescriptor

from anysocket_asgi._behind import HIGH_WATER, daphne_flow, paced


class Reactor:
    """None, as nothing is written but by ``doWrite``."""

    def addWriter(self, writer: Any) -> None: ...  # noqa: N802
    def removeWriter(self, writer: Any) -> None: ...  # noqa: N802
    def removeReader(self, reader: Any) -> None: ...  # noqa: N802


class Transport(FileDescriptor):
    """Twisted's own, to a peer that takes ``taken`` bytes."""

    taken = 0

    def writeSomeData(self, data: bytes) -> int:  # noqa: N802
        taken, self.taken = min(self.taken, len(data)), self.taken - min(self.taken, len(data))
        return taken


class Connection:
    """One of Daphne's, to an app's ``send``, whose transport has HTTP for its producer so far."""

    def __init__(self) -> None:
        self.transport = Transport(Reactor())  # type: ignore[arg-type]
        self.transport.connected = True
        self.transport.registerProducer(SimpleNamespace(), True)  # type: ignore[arg-type]
        self.sent: list[int] = []
        self.server_send = partial(self._handle_reply, SimpleNamespace(transport=self.transport))

    async def _handle_reply(self, protocol: Any, size: int) -> None:
        self.transport.write(bytes(size))
        self.sent.append(size)

    def peer_takes(self, size: int) -> None:
        self.transport.taken = size
        self.transport.doWrite()


async def test_sends_wait_while_daphne_holds_much() -> None:
    connection = Connection()
    send = paced(connection.server_send, daphne_flow(connection.server_send))
    await send(HIGH_WATER)
    await send(1)
    waiting = asyncio.ensure_future(send(2))
    await asyncio.sleep(0)
    assert connection.sent == [HIGH_WATER, 1] and not waiting.done()
    connection.peer_takes(HIGH_WATER + 1)
    await waiting
    assert connection.sent == [HIGH_WATER, 1, 2]


async def test_a_cancelled_send_that_waits_sends_nothing_and_hinders_nobody() -> None:
    connection = Connection()
    first, second = (paced(connection.server_send, daphne_flow(connection.server_send)) for _ in range(2))
    await first(HIGH_WATER + 1)
    cancelled, waiting = asyncio.ensure_future(first(1)), asyncio.ensure_future(second(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait({cancelled})
    connection.peer_takes(HIGH_WATER + 1)
    await waiting
    assert connection.sent == [HIGH_WATER + 1, 2]


async def test_sends_wait_for_no_connection_that_has_ended() -> None:
    connection = Connection()
    send = paced(connection.server_send, daphne_flow(connection.server_send))
    await send(HIGH_WATER + 1)
    waiting = asyncio.ensure_future(send(1))
    await asyncio.sleep(0)
    connection.transport.connectionLost(None)  # type: ignore[arg-type]
    await asyncio.wait_for(waiting, 1)
