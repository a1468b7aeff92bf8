"""Node.js with ``ws`` from npm, in this process's place: ``python -m benchmarks.peers.node PORT``."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(tempfile.gettempdir()) / "anysocket-benchmarks-node"
INSTALL_TIMEOUT = 60.0
SCRIPT = Path(__file__).with_name("ws.mjs")


@functools.cache
def install() -> str | None:
    """Fetch ``ws`` once; the reason if that cannot be done."""
    if (CACHE / "node_modules" / "ws").exists():
        return None
    if not (shutil.which("node") and shutil.which("npm")):
        return "there is no Node.js with npm on this machine"
    CACHE.mkdir(exist_ok=True)
    command = ["npm", "install", "--silent", "ws"]
    try:
        subprocess.run(command, cwd=CACHE, capture_output=True, check=True, timeout=INSTALL_TIMEOUT)
    except subprocess.SubprocessError as error:
        return str(error)
    return None


if __name__ == "__main__":
    os.environ["NODE_MODULES"] = str(CACHE)
    os.execvp("node", ["node", str(SCRIPT), *sys.argv[1:]])
