"""What the page of the runs tells, whatever was run."""

from __future__ import annotations

from anysocket_conformance import ALL_CASES, run_matrix, under_anysocket
from anysocket_servers import BY_NAME

SERVERS = ("granian-rsgi", "granian-rsgi-uvloop", "memory")
CASES = ("short-messages", "close-with-4000", "close-twice", "send-gathered", "subprotocol-not-offered")


async def test_a_variant_without_its_base_is_told_beside_the_promise() -> None:
    cases = [case for case in ALL_CASES if case.name in ("close-with-4000", "short-messages")]
    matrix = await run_matrix([BY_NAME["granian-rsgi-uvloop"]], cases, [], lambda name: None)
    lines = matrix.text("").splitlines()
    assert [line for line in lines if line.startswith("- `")] == [
        "- `close-with-4000`: part: client: close 1005 ''. Lacks `CLOSE_CODE`"
    ]


async def test_the_part_that_two_pages_share() -> None:
    cases = [case for case in ALL_CASES if any(name in case.name for name in CASES)]
    servers = [BY_NAME[name] for name in SERVERS]
    whole = await run_matrix(servers, cases, cases, lambda name: None)
    checked = await run_matrix(servers, cases, [], lambda name: None)
    page = whole.text("- Python 3.11")
    assert "the server alone" in page and "**yes**" in page and "What the servers do alone" in page
    assert under_anysocket(page) == under_anysocket(checked.text("- Python 3.13"))
    assert "`close-with-4000`" in under_anysocket(page)
