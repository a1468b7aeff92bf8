"""Messages arrive in the order in which the sends were called, from any number of tasks (contract 5.1)."""

from __future__ import annotations

import pytest

from kinds import EACH_KIND
from peers import receive_data

LOOPS = ("granian-rsgi-uvloop", "granian-rsgi-rloop")


async def check_order(running, how: str) -> None:
    async with running.connect(f"/send-from-tasks/{how}/3/3000") as peer:
        received = [await receive_data(peer) for _ in range(9000)]
    assert [int(message) for message in received] == list(range(9000))
    assert all(isinstance(message, str if int(message) % 2 else bytes) for message in received)


async def test_3_tasks_of_3000_sends_arrive_in_order(running):
    await check_order(running, "gather")


@pytest.mark.slow
@pytest.mark.servers(*EACH_KIND, *LOOPS)
@pytest.mark.parametrize("how", ["create_task", "one-by-one"])
async def test_so_do_sends_of_each_way_to_start_them(running, how):
    await check_order(running, how)
