"""Peers that live and do not hear each other are found out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import pytest
import zenoh
from zenoh.handlers import Callback

from anysocket import WebSocketManager
from anysocket_zenoh import _mesh
from anysocket_zenoh._configuration import Configuration
from anysocket_zenoh._mesh import FIRST_WAIT, FORGOTTEN, KEY, MAX_WAIT, SILENT_LOOKS, Mesh, Patience
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


@contextmanager
def answering(session: zenoh.Session, heard: Sequence[zenoh.Session] = ()) -> Iterator[list[zenoh.Query]]:
    """One that answers as a process of ours does that hears these, until it does not; what it was asked."""
    asked: list[zenoh.Query] = []

    def answer(query: zenoh.Query) -> None:
        query.reply(KEY, " ".join(str(each.zid()) for each in (session, *heard)))
        asked.append(query)

    queryable = session.declare_queryable(KEY, Callback(answer, indirect=False))
    yield asked
    queryable.undeclare()  # type: ignore[no-untyped-call]


async def test_one_who_is_connected_and_says_nothing_more_is_missing() -> None:
    configuration = Configuration(f"zenoh://127.0.0.1:{free_port()}")
    async with opened(configuration.as_seed()) as seed, opened(configuration.as_other()) as other:
        here = Mesh(seed)
        await hears(here, 1)
        for _ in range(SILENT_LOOKS):
            assert await here.missing() == 0, "it never said that it is one of ours"
        with answering(other) as asked:
            while not asked:
                assert await here.missing() == 0
        looks = [await here.missing() for _ in range(SILENT_LOOKS)]
        assert looks == [0] * (SILENT_LOOKS - 1) + [1]
        with answering(other) as asked:
            while not asked:
                await here.missing()
        looks = [await here.missing() for _ in range(SILENT_LOOKS - 1)]
        assert not any(looks), "it has answered meanwhile"


async def test_a_few_who_say_nothing_more_are_missing_if_others_hear_them() -> None:
    configuration = Configuration(f"zenoh://127.0.0.1:{free_port()}")
    async with AsyncExitStack() as stack:
        seed = await stack.enter_async_context(opened(configuration.as_seed()))
        one, two, three = [
            await stack.enter_async_context(opened(configuration.as_other())) for _ in range(3)
        ]
        here = Mesh(seed)
        await hears(here, 3)
        heard: list[zenoh.Session] = []
        with answering(one, heard), answering(two):
            with answering(three) as asked:
                while not asked:
                    await here.missing()
            for _ in range(2 * SILENT_LOOKS):
                assert await here.missing() == 0, "it may be that it is gone"
            heard.append(three)
            assert await here.missing() == 1


async def test_a_connection_that_carries_nothing_is_begun_anew() -> None:
    port = free_port()
    manager = WebSocketManager(backplane=f"zenoh://127.0.0.1:{port}")
    await manager.backplane.start()
    try:
        async with opened(Configuration(f"zenoh://127.0.0.1:{port}").as_other()) as other:
            with answering(other) as asked:
                await until(lambda: asked)
            await until(lambda: restarts_and_up(manager) == (1, True), 20)
    finally:
        await manager.backplane.stop()


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
        assert "does not reach everybody: peers that live and are not heard: 1" in caplog.text
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
