"""Readings come by themselves, and the handler ends when its client does, in whatever way."""

from __future__ import annotations

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.live_data:app"


async def test_readings_come_in_order_without_asking(example):
    async with example.connect("/live") as peer:
        readings = [await peer.receive_json() for _ in range(4)]
    assert [reading["number"] for reading in readings] == [1, 2, 3, 4]
    assert all(isinstance(reading["temperature"], float) for reading in readings)


@pytest.mark.parametrize("way_to_leave", ["close", "hang_up", "abort"])
async def test_handler_ends_when_its_client_leaves(example, way_to_leave):
    async def served_clients():
        return (await example.get("/live/clients"))["clients"]

    await example.eventually(served_clients, 0)  # those of the tests before have left
    async with example.connect("/live") as staying, example.connect("/live") as leaving:
        await staying.receive_json()
        await leaving.receive_json()
        assert await served_clients() == 2
        await getattr(leaving, way_to_leave)()
        await example.eventually(served_clients, 1, seconds=2)
        numbers = [(await staying.receive_json())["number"] for _ in range(3)]
        assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    await example.eventually(served_clients, 0, seconds=2)
