"""Every case on every server, at both levels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from anysocket.testing._case import Case
from anysocket_conformance._matrix import BASES, Cell, Matrix
from anysocket_conformance._runner import run_cases
from anysocket_conformance._verdict import judge
from anysocket_servers import BY_NAME, SERVERS, Server

SERVERS_AT_ONCE = 3
COMPARED: tuple[Server, ...] = (*SERVERS, *(BY_NAME[name] for name in BASES))
"""The servers of the matrix."""


async def run_matrix(servers: Sequence[Server], cases: Sequence[Case], told: Callable[[str], None]) -> Matrix:
    """Run ``cases`` on ``servers`` and judge what was seen. ``told`` hears of each server that is done."""
    limit = asyncio.Semaphore(SERVERS_AT_ONCE)

    async def run_one(server: Server) -> list[Cell]:
        async with limit:
            under = await run_cases(server, "anysocket", cases)
            bare = await run_cases(server, "bare", cases)
        told(server.title)
        return [Cell(judge(one), other) for one, other in zip(under, bare, strict=True)]

    rows = await asyncio.gather(*(run_one(server) for server in servers))
    return Matrix([cell for row in rows for cell in row])
