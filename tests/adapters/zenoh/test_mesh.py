"""Peers that live and do not hear each other are found out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import zenoh

from anysocket_zenoh import _mesh
from anysocket_zenoh._configuration import Configuration
from anysocket_zenoh._mesh import Mesh
from brokers import free_port
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
                await mesh.check()
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
            await here.check()
            for mesh in there, lost:
                with pytest.raises(ConnectionError, match="no connection to 1 of the peers"):
                    await mesh.check()
        await hears(here, 1)
        await there.check()
