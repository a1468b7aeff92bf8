"""What a page says of servers under anysocket: what ``anysocket matrix --check`` compares."""

from __future__ import annotations

import re

from anysocket_conformance._matrix import VERSIONS

ALONE = (
    (rf"\n{VERSIONS}\n.*", ""),
    (r"\n<details><summary>What the servers do alone.*?</details>\n", ""),
    (r"\n[^\n]*, the server alone: [^\n]*", ""),
    (r"\nIn every case as [^\n]*", ""),
    (r"(?<= \| )(\d+ of \d+|–)(?= \| (`|nothing))", ""),
    (r" and \d+ runs on the bare servers", ""),
    (r"\*\*yes\*\*", "yes"),
)
"""What else there is, and what to put in its place: versions, and what the servers do alone."""


def under_anysocket(page: str) -> str:
    """The part of ``compat_matrix.md`` that two runs must have in common, played on bare servers or not."""
    for pattern, instead in ALONE:
        page = re.sub(pattern, instead, page, flags=re.DOTALL)
    return page
