"""Peers that do not read: what the server keeps of them."""

from __future__ import annotations

import asyncio

import pytest


@pytest.mark.needs("process", "backpressure")
async def test_tcp_of_a_slow_member_is_ended_although_it_never_reads_again(serve, server):
    """Its close frame cannot reach it: nobody waits for that for ever."""
    running = serve("slow_app:app")
    async with running.connect("/member") as peer:
        port = await peer.receive_text()
        peer.pause_reading()
        async with asyncio.timeout(20):
            while (await running.request("GET", f"/held/{port}")).json()["held"]:
                await asyncio.sleep(0.05)
