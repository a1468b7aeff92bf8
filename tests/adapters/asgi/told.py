"""What ``apps/raw_rsgi.py`` tells in the server's log."""

from __future__ import annotations

import json
import os
from typing import Any


def key() -> str:
    """A query string that no other test has."""
    return os.urandom(6).hex()


async def told(running: Any, name: str, nth: int = 1) -> list[Any]:
    """What the app told for this key, the first or ``nth`` time."""
    mark = f"told {name} {nth}: "
    log = await running.logged(mark)
    return list(json.loads(log.partition(mark)[2].splitlines()[0]))
