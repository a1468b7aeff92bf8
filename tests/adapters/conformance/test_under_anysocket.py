"""What is played under anysocket reads the same on a page whether the bare servers were played or not."""

from __future__ import annotations

from anysocket_conformance import ALL_CASES, run_matrix, under_anysocket
from anysocket_servers import BY_NAME

SERVERS = ("granian-rsgi", "granian-rsgi-uvloop", "memory")
CASES = ("short-messages", "close-with-4000", "close-twice", "send-gathered", "subprotocol")


async def test_the_part_that_two_pages_share() -> None:
    cases = [case for case in ALL_CASES if any(name in case.name for name in CASES)]
    servers = [BY_NAME[name] for name in SERVERS]
    whole = await run_matrix(servers, cases, cases, lambda name: None)
    checked = await run_matrix(servers, cases, [], lambda name: None)
    page = whole.text("- Python 3.11")
    assert "the server alone" in page and "**yes**" in page and "What the servers do alone" in page
    assert under_anysocket(page) == under_anysocket(checked.text("- Python 3.13"))
    assert "`close-with-4000`" in under_anysocket(page)
