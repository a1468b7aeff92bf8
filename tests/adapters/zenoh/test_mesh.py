"""Peers that live and do not hear each other are found out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import zenoh

from anysocket import WebSocketManager
from anysocket_zenoh import _mesh
from anysocket_zenoh._configuration import Configuration
from anysocket_zenoh._mesh import FIRST_WAIT, FORGOTTEN, MAX_WAIT, Mesh, Patience
from brokers import free_port
from core.members import add
from core.nodes import until

ALOOF = 'scouting/gossip/autoconnect={"peer":[]}'
"""One who connects to the seed, and to nobody that it tells of."""


@asynccontextmanager
async def opened(config: zenoh.Config) -> AsyncIterator[zenoh.Session]:
    session = zenoh.open(config)
    try:
        yield session
    finally:
        session.close()  # type: ignore[no-untyped-call]


async def hears(mesh: Mesh, number: int) -> None:
    """Wait until it knows that so many peers hear it, and whom they hear."""
    await until(lambda: len(list(mesh._session.info.peers_zid())) == number)
    await mesh.sync(1.0)


async def test_all_are_connected_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = Configuration(f"zenoh://127.0.0.1:{free_port()}")
    async with AsyncExitStack() as stack:
        configs = [configuration.as_seed(), configuration.as_other(), configuration.as_other()]
        meshes = [Mesh(await stack.enter_async_context(opened(config))) for config in configs]
        for mesh in meshes:
            await hears(mesh, 2)
        for _ in range(2):  # The second time all say whom they have heard.
            for mesh in meshes:
                assert await mesh.missing() == 0
        assert all(len(answer) == 3 for answer in await meshes[0].sync(1.0))
        monkeypatch.setattr(_mesh, "FRESH", 0.0)
        assert all(len(answer) == 1 for answer in await meshes[0].sync(1.0)), "what is old is not told"


async def test_two_who_have_lost_each_other_are_told_by_a_third_one() -> None:
    configuration = Configuration(f"zenoh://127.0.0.1:{free_port()}?{ALOOF}")
    async with opened(configuration.as_seed()) as seed, opened(configuration.as_other()) as one:
        here, there = Mesh(seed), Mesh(one)
        async with opened(configuration.as_other()) as other:
            lost = Mesh(other)
            await hears(here, 2)
            await hears(lost, 1)
            assert [await mesh.missing() for mesh in (here, there, lost)] == [0, 1, 1]
        await hears(here, 1)
        assert await there.missing() == 0


def restarts_and_up(manager: WebSocketManager) -> tuple[int, bool]:
    return manager.backplane.statistics.restarts, manager.backplane.up


async def test_two_who_cannot_reach_each_other_leave_the_others_in_peace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_mesh, "FIRST_WAIT", MAX_WAIT)
    port = free_port()
    urls = [f"zenoh://127.0.0.1:{port}", *[f"zenoh://127.0.0.1:{port}?{ALOOF}"] * 2]
    managers = [WebSocketManager(backplane=url) for url in urls]
    seed, one, _ = managers
    for manager in managers:
        await manager.backplane.start()
    try:
        # Those two begin anew once: that might have helped.
        apart = [(0, True), (1, False), (1, False)]
        await until(lambda: [restarts_and_up(manager) for manager in managers] == apart, 20)
        assert "does not reach everybody: no connection to 1 of the peers that others hear" in caplog.text
        peer = await add(one, "ann", "r")
        await one.join_room("ann", "r")
        await seed.broadcast_to_room("r", "hello")
        await until(lambda: peer.sent == ["hello"])
        assert [restarts_and_up(manager)[0] for manager in managers] == [0, 1, 1]
        # While the second one begins anew, the first misses nobody: that is true for a moment.
        await until(lambda: [restarts_and_up(manager) for manager in managers] == apart, 20)
    finally:
        for manager in managers:
            await manager.backplane.stop()


def test_new_sessions_that_are_of_no_use_become_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(_mesh, "monotonic", lambda: now)
    patience, waits = Patience(), []
    assert patience.ends()
    for _ in range(10):
        before = now
        while not patience.ends():
            now += 0.25
        waits.append(now - before)
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT] and waits[-1] == MAX_WAIT
    now += MAX_WAIT + FORGOTTEN
    assert patience.ends()
    now += FIRST_WAIT
    assert patience.ends()
