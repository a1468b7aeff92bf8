"""Every case on every server, at both levels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from anysocket.testing._case import Case
from anysocket_conformance._matrix import BASES, Cell, Matrix
from anysocket_conformance._runner import run_cases
from anysocket_conformance._verdict import judge
from anysocket_servers import BY_NAME, SERVERS, Server

SERVERS_AT_ONCE = 4
COMPARED: tuple[Server, ...] = (*SERVERS, *(BY_NAME[name] for name in BASES))
"""The servers of the matrix."""


async def run_matrix(
    servers: Sequence[Server], cases: Sequence[Case], bare: Sequence[Case], told: Callable[[str], None]
) -> Matrix:
    """Run ``cases`` on ``servers`` under anysocket and judge what was seen, and those of ``bare`` on the bare
    servers. ``told`` hears of each server that is done."""
    limit = asyncio.Semaphore(SERVERS_AT_ONCE)

    async def run_one(server: Server) -> list[Cell]:
        async with limit:
            under = await run_cases(server, "anysocket", cases)
            alone = {result.case: result for result in await run_cases(server, "bare", bare)}
        told(server.title)
        return [Cell(judge(one), alone.get(one.case)) for one in under]

    rows = await asyncio.gather(*(run_one(server) for server in servers))
    return Matrix([cell for row in rows for cell in row])
