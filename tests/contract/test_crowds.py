"""Rooms under load: members that do not read, and members that come and go (contract 6.1, 6.3 to 6.5).

``python -m benchmarks.rooms`` has more of both, and figures.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from anysocket import ConnectionClosed, Message
from anysocket.testing import Peer

TIMEOUT = 60.0
COUNT = 100


@pytest.fixture
def crowd(serve):
    """The app of this module."""
    return serve("crowd_app:app")


async def join(crowd, stack: AsyncExitStack, kind: str) -> Peer:
    peer: Peer = await stack.enter_async_context(crowd.connect(f"/member/{kind}", timeout=TIMEOUT))
    assert await peer.receive_text() == "in"
    return peer


async def numbers(peer: Peer) -> list[int]:
    """What comes until the end of the broadcasts."""
    came: list[int] = []
    while (text := await peer.receive_text()) != "end":
        came.append(int(text.split()[0]))
    return came


async def emptied(crowd) -> None:
    async with asyncio.timeout(TIMEOUT):
        while (await crowd.request("GET", "/left")).json() != {"connections": 0, "rooms": 0}:
            await asyncio.sleep(0.02)


async def end_of(peer: Peer) -> Message:
    while (message := await peer.receive()).code is None:
        pass
    return message


@pytest.mark.needs("process", "backpressure")
async def test_members_that_do_not_read_are_closed_and_cost_the_others_nothing(crowd, server):
    async with AsyncExitStack() as stack:
        reading = [await join(crowd, stack, "reads") for _ in range(30)]
        stalled = [await join(crowd, stack, "stalls") for _ in range(3)]  # Nobody receives from these.
        controller = await stack.enter_async_context(crowd.connect("/until-closed/3", timeout=TIMEOUT))
        came = [asyncio.create_task(numbers(peer)) for peer in reading]
        told = await controller.receive_json()
        ends = await asyncio.gather(*(end_of(peer) for peer in stalled))
        assert [await each for each in came] == [list(range(told["count"]))] * 30
    assert told["slow_consumers"] == 3
    assert told["most_queued"] <= told["max_outbox_bytes"]
    assert {(end.code, end.reason) for end in ends} == {server.expected_close(1013, "slow consumer")}
    await emptied(crowd)


@pytest.mark.needs("process")
async def test_members_come_and_go(crowd):
    """By a close, a reset or the end of TCP alone, while numbers are sent: each gets those of its time."""
    async with AsyncExitStack() as stack:
        staying = [await join(crowd, stack, "reads") for _ in range(10)]
        controller = await stack.enter_async_context(crowd.connect(f"/steadily/{COUNT}", timeout=TIMEOUT))
        work = asyncio.create_task(controller.receive_text())
        came = [asyncio.create_task(numbers(peer)) for peer in staying]
        visitors = [visit(crowd, work, random.Random(number)) for number in range(40)]
        visits = sum(await asyncio.gather(*visitors))
        assert await work == "done"
        assert [await each for each in came] == [list(range(COUNT))] * 10
    assert visits > 40
    await emptied(crowd)
    assert "Traceback" not in crowd.log()


async def visit(crowd, work: asyncio.Task[str], chance: random.Random) -> int:
    """Come and go until the work is done; how often."""
    visits = 0
    while not work.done():
        async with crowd.connect("/member/visits", timeout=TIMEOUT) as peer:
            assert await peer.receive_text() == "in"
            last = -1
            for _ in range(chance.randrange(10)):
                try:
                    text = await peer.receive_text(1.0)
                except (AssertionError, ConnectionClosed):  # It came after the end.
                    break
                if text == "end":
                    break
                assert last in (-1, int(text) - 1)
                last = int(text)
            await chance.choice([peer.close, peer.abort, peer.hang_up])()
        visits += 1
    return visits
