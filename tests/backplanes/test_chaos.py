"""Brokers die, hang and come back, and networks, too, under traffic: it heals, and tells what is missing."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from backplanes.proxy import Proxy
from backplanes.traffic import BACK_WITHIN, Traffic, traffic
from brokers import Broker
from core.nodes import until

LONGEST_CALL = 3.0
"""Seconds that a broadcast may take, whatever happens."""


async def down(traffic: Traffic) -> None:
    """Wait until the receiver has noticed."""
    await until(lambda: not traffic.receiver.backplane.up, 6)


async def test_a_broker_that_was_killed_and_is_back(broker: Broker) -> None:
    async with traffic(broker.url, broker.url) as running:
        for _ in range(2):
            await asyncio.to_thread(broker.kill)
            await down(running)
            await until(lambda: running.refused > 0)
            await asyncio.to_thread(broker.start)
            await running.flows()
        assert running.check() > 0
        assert running.longest_call < LONGEST_CALL
        assert running.receiver.backplane.statistics.restarts >= 2


@pytest.mark.soak
async def test_a_broker_that_hangs_for_ten_seconds(broker: Broker) -> None:
    async with traffic(broker.url, broker.url) as running:
        broker.pause()
        await down(running)
        await asyncio.sleep(10)
        broker.resume()
        await running.flows()
        assert running.check() > 0
        assert running.longest_call < LONGEST_CALL


@pytest.mark.parametrize(
    ("trouble", "seconds"), [("cut", 0.5), pytest.param("freeze", 10, marks=pytest.mark.soak)]
)
async def test_one_node_that_is_cut_off(broker: Broker, trouble: str, seconds: float) -> None:
    async with Proxy(broker.port) as proxy:
        through = urlsplit(broker.url)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        async with traffic(broker.url, through) as running:
            getattr(proxy, trouble)()
            await down(running)
            assert running.sender.backplane.up, "the others are not concerned"
            await asyncio.sleep(seconds)
            proxy.heal()
            await running.flows()
            assert running.check() > 0 and running.refused == 0


async def test_a_node_that_is_cut_off_while_it_sends(broker: Broker) -> None:
    async with Proxy(broker.port) as proxy:
        through = urlsplit(broker.url)._replace(netloc=f"127.0.0.1:{proxy.port}").geturl()
        async with traffic(through, broker.url) as running:
            proxy.cut()
            await until(lambda: running.refused > 0)
            proxy.heal()
            await running.flows(BACK_WITHIN)
            assert running.check() > 0
            assert running.receiver.backplane.statistics.restarts == 0
