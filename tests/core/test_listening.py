"""What a backplane has kept while a process stood still does not fall on its members all at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from anysocket import WebSocketManager, _listening
from anysocket.testing import MemoryHub
from core.fake_transport import FakeTransport
from core.members import add
from core.nodes import nodes, until

OUTBOX = 16
BURST = [str(number) for number in range(10 * OUTBOX)]


@pytest.fixture
async def managers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[WebSocketManager]]:
    """A sender and a receiver, whose members have small outboxes."""
    monkeypatch.setattr(_listening, "TICK", 0.02)
    monkeypatch.setattr(_listening, "STOOD_STILL", 0.1)
    async with nodes(MemoryHub(), 2, max_outbox_messages=OUTBOX) as (managers, _):
        yield managers


async def join(manager: WebSocketManager, id: str) -> FakeTransport:
    transport = await add(manager, id)
    await manager.join_room(id, "r")
    return transport


async def burst(sender: WebSocketManager) -> None:
    """The process stands still, and then there is a lot."""
    time.sleep(0.2)  # noqa: ASYNC251 - that is the trouble
    for number in BURST:
        await sender.broadcast_to_room("r", number)


def is_full(manager: WebSocketManager, id: str) -> bool:
    return not manager.connections[id]._outbox.has_room(1)


async def test_members_are_not_closed_as_their_process_stood_still(managers: list[WebSocketManager]) -> None:
    a, b = managers
    bob = await join(b, "bob")
    bob.hold_sends()
    await burst(a)
    await until(lambda: is_full(b, "bob"))
    await a.broadcast_to_room("r", "the last one")
    bob.let_sends_go()
    await until(lambda: "the last one" in bob.sent)
    assert bob.sent == [*BURST, "the last one"] and "bob" in b.connections


async def test_one_who_takes_nothing_is_not_waited_for_longer_than_a_while(
    managers: list[WebSocketManager], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listening, "CATCHING_UP", 0.1)
    a, b = managers
    bob, cat = await join(b, "bob"), await join(b, "cat")
    bob.hold_sends()
    await burst(a)
    await until(lambda: len(cat.sent) == len(BURST))
    assert cat.sent == BURST and "cat" in b.connections
    await until(lambda: "bob" not in b.connections)


async def test_else_nothing_waits(managers: list[WebSocketManager]) -> None:
    a, b = managers
    bob, cat = await join(b, "bob"), await join(b, "cat")
    bob.hold_sends()
    for number in BURST:
        await a.broadcast_to_room("r", number)
    await until(lambda: "bob" not in b.connections)
    await until(lambda: cat.sent == BURST)


async def test_a_backplane_that_is_lost_meanwhile_is_started_anew(
    managers: list[WebSocketManager],
) -> None:
    a, b = managers
    bob = await join(b, "bob")
    bob.hold_sends()
    await burst(a)
    await until(lambda: is_full(b, "bob"))
    b._link._backplane.cut()  # type: ignore[union-attr]
    bob.let_sends_go()
    await until(lambda: b.backplane.statistics.restarts == 1 and b.backplane.up)
    await a.broadcast_to_room("r", "the last one")
    await until(lambda: "the last one" in bob.sent)
