"""Which versions a run was made with."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator

PROGRAMS = (
    "granian",
    "uvicorn",
    "websockets",
    "wsproto",
    "picows",
    "hypercorn",
    "h2",
    "daphne",
    "starlette",
    "uvloop",
    "rloop",
)


def versions() -> str:
    """Python's and each server's, as a list."""
    return "\n".join([f"- Python {platform.python_version()}", *_installed()])


def _installed() -> Iterator[str]:
    for name in PROGRAMS:
        try:
            yield f"- {name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
