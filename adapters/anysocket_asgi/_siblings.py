"""Whether the server runs several workers of the app, which each server keeps in a place of its own."""

from __future__ import annotations

from functools import cache

from anysocket._siblings import has_siblings
from anysocket_rsgi._worker import granian_workers, locals_of_callers


@cache
def find_siblings() -> None:
    """Tell the core of them, once. To be called in a worker, from what the server calls."""
    workers = {
        "uvicorn": _configured("uvicorn."),
        "Hypercorn": _configured("hypercorn."),
        "Granian": granian_workers(),
    }
    for server, number in workers.items():
        if number > 1:
            has_siblings(f"{server} runs several workers")


def _configured(package: str) -> int:
    """Of a server that hands its configuration to the functions of its workers."""
    numbers = [getattr(config, "workers", None) for config in locals_of_callers(package, "config")]
    return max((number for number in numbers if isinstance(number, int)), default=0)
