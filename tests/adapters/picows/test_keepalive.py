"""Pings: when, and what follows from an answer or none."""

from __future__ import annotations

import asyncio

import pytest

from anysocket_picows._keepalive import Keepalive

SOON = 5.0


class Peer:
    """Takes note of pings."""

    def __init__(self) -> None:
        self.pings: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.deaf = False

    def keepalive(self, interval: float | None, timeout: float | None) -> Keepalive:
        return Keepalive(
            interval, timeout, ping=self.pings.put_nowait, deaf=lambda: self.deaf, lost=self.lost.set
        )

    async def ping(self) -> bytes:
        async with asyncio.timeout(SOON):
            return await self.pings.get()


@pytest.fixture
async def peer():
    return Peer()


async def test_each_ping_is_another_one(peer):
    keepalive = peer.keepalive(0.01, 1.0)
    first = await peer.ping()
    keepalive.pong(first)
    assert await peer.ping() != first
    keepalive.stop()


async def test_without_an_answer_the_peer_is_lost(peer):
    peer.keepalive(0.01, 0.01)
    async with asyncio.timeout(SOON):
        await peer.lost.wait()
    assert peer.pings.qsize() == 1


async def test_another_pong_is_no_answer(peer):
    keepalive = peer.keepalive(0.01, 0.05)
    await peer.ping()
    keepalive.pong(b"other")
    async with asyncio.timeout(SOON):
        await peer.lost.wait()


async def test_who_cannot_be_heard_is_asked_again(peer):
    keepalive = peer.keepalive(0.01, 0.01)
    peer.deaf = True
    await peer.ping()
    await peer.ping()
    assert not peer.lost.is_set()
    keepalive.stop()


async def test_without_a_timeout_no_answer_is_needed(peer):
    keepalive = peer.keepalive(0.01, None)
    for _ in range(3):
        keepalive.pong(await peer.ping())
    assert not peer.lost.is_set()
    keepalive.stop()


@pytest.mark.parametrize("interval", [None, 0.0])
async def test_without_an_interval_nobody_is_asked(peer, interval):
    keepalive = peer.keepalive(interval, 0.01)
    keepalive.pong(b"unasked")
    await asyncio.sleep(0.05)
    assert peer.pings.empty()
    keepalive.stop()


async def test_stopped_it_asks_nobody(peer):
    keepalive = peer.keepalive(0.01, 0.01)
    await peer.ping()
    keepalive.stop()
    keepalive.stop()
    await asyncio.sleep(0.05)
    assert peer.pings.empty()
    assert not peer.lost.is_set()
