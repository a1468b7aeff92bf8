"""Nodes as processes of their own (`node.py`)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


async def start_node(url: str, name: str, *before: str) -> asyncio.subprocess.Process:
    """One that publishes numbers and prints what it hears; ``before`` is the command that runs it, if any."""
    paths = os.pathsep.join([str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return await asyncio.create_subprocess_exec(
        *(*before, sys.executable, str(HERE / "node.py"), url, name),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
