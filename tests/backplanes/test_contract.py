"""Every adapter keeps the port's promises, and rooms span the nodes on it."""

from __future__ import annotations

import asyncio

from anysocket import WebSocketManager
from anysocket._backplane import open_prefixed
from anysocket.testing import check_backplane
from core.members import add
from core.nodes import until


async def test_the_port(url: str) -> None:
    assert await check_backplane(lambda: open_prefixed(url)[0]) == 8


async def test_rooms_and_questions(url: str) -> None:
    a, b = (WebSocketManager(backplane=url) for _ in range(2))
    await asyncio.gather(a.backplane.start(), b.backplane.start())
    await until(lambda: a.backplane.statistics.nodes == b.backplane.statistics.nodes == 2)
    ann, bob = await add(a, "ann"), await add(b, "bob", user="bob")
    await a.join_room("ann", "room/ü *")
    await b.join_room("bob", "room/ü *")
    numbers = [str(number) for number in range(300)]
    for number in numbers:
        await a.broadcast_to_room("room/ü *", number)
    await until(lambda: len(bob.sent) == 300)
    assert ann.sent == bob.sent == numbers
    assert (await b.members("room/ü *")).value == {"ann", "bob"}
    assert await a.user("bob").send("hello") == 1 and await b.send_to("ann", "hello")
    assert await a.disconnect("bob") and not await a.disconnect("nobody")
    await asyncio.gather(a.backplane.stop(), b.backplane.stop())
    assert a.backplane.statistics.dropped == 0


async def test_foreign_rooms_do_not_come(url: str) -> None:
    a, b = (WebSocketManager(backplane=url) for _ in range(2))
    bob = await add(b, "bob")
    await b.join_room("bob", "here")
    for number in range(500):
        await a.broadcast_to_room(f"elsewhere {number}", "x")
    await a.broadcast_to_room("here", "y")
    await until(lambda: bob.sent == ["y"])
    assert b.backplane.statistics.received == 1
    await asyncio.gather(a.backplane.stop(), b.backplane.stop())


async def test_many_nodes_come_and_go(url: str) -> None:
    """The first one, too, which on Zenoh is whom the others find each other by."""
    managers = [WebSocketManager(backplane=url) for _ in range(3)]
    peers = []
    for manager in managers:
        await manager.backplane.start()
        peers.append(await add(manager, "id"))
        await manager.join_room("id", "r")
    await managers[0].backplane.stop()
    managers[0] = WebSocketManager(backplane=url)
    await managers[0].backplane.start()
    peers[0] = await add(managers[0], "id")
    await managers[0].join_room("id", "r")
    await until(lambda: all(manager.backplane.statistics.nodes == 3 for manager in managers))
    for number, manager in enumerate(managers):
        await manager.broadcast_to_room("r", str(number))
    await until(lambda: all(len(peer.sent) == 3 for peer in peers))
    await asyncio.gather(*(manager.backplane.stop() for manager in managers))
