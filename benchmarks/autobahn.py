"""Our echo and the bare server's under the Autobahn test suite: ``python -m benchmarks.autobahn``.

The suite's fuzzing client plays its 247 cases of frames (10 MiB of compression cases left out) against both.
Fails if a case passes on the bare server and not under anysocket. The suite runs on Python 2.7 only; where
there is none, that is said and nothing is run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from anysocket_servers import BY_NAME, SERVERS, Running, Server, start

SUITE = "autobahntestsuite==0.8.2"
MODULE = "benchmarks.peers"
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}
SUITE_TIMEOUT = 600
Behaviours = dict[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autobahn", description=__doc__)
    parser.add_argument("--server", default=",".join(each.name for each in SERVERS if each.process))
    parser.add_argument("--environment", help="a folder to keep the suite in; default: made anew")
    arguments = parser.parse_args()
    python = shutil.which("python2.7") or _pyenv_python()
    if python is None:
        print("skipped: the Autobahn test suite needs a Python 2.7, and there is none on this machine")
        return 0
    with tempfile.TemporaryDirectory(prefix="autobahn-") as scratch:
        folder = Path(scratch)
        wstest = _install(python, Path(arguments.environment or folder / "environment"))
        worse = [
            line for name in arguments.server.split(",") for line in _compare(wstest, BY_NAME[name], folder)
        ]
    print("\n".join(worse) or "every case that a bare server passes is passed under anysocket")
    return 1 if worse else 0


def _pyenv_python() -> str | None:
    """pyenv shows only the interpreters that are chosen."""
    found = sorted(Path.home().glob(".pyenv/versions/2.7.*/bin/python2.7"))
    return str(found[-1]) if found else None


def _install(python: str, environment: Path) -> str:
    wstest = environment / "bin" / "wstest"
    if not wstest.exists():
        subprocess.run([sys.executable, "-m", "virtualenv", "-q", "-p", python, str(environment)], check=True)
        subprocess.run([str(environment / "bin" / "pip"), "install", "-q", SUITE], check=True)
    return str(wstest)


def _compare(wstest: str, server: Server, folder: Path) -> list[str]:
    raw = "raw_rsgi" if server.interface == "rsgi" else "raw_asgi"
    bare = _play(wstest, server, f"{MODULE}.{raw}:app", folder / f"{server.name}-bare")
    ours = _play(wstest, server, f"{MODULE}.anysocket_app:app", folder / f"{server.name}-anysocket")
    for who, behaviours in (("bare", bare), ("anysocket", ours)):
        counted = ", ".join(f"{number} {what}" for what, number in Counter(behaviours.values()).most_common())
        print(f"{server.name} {who}: {counted}", flush=True)
    return [
        f"{server.name} {case}: {bare[case]} on the bare server, {ours.get(case)} under anysocket"
        for case in bare
        if bare[case] in PASSED and ours.get(case) not in PASSED
    ]


def _play(wstest: str, server: Server, app: str, reports: Path) -> Behaviours:
    with start(server, app, Path.cwd()) as running:
        specification = reports.with_suffix(".json")
        specification.write_text(json.dumps(_specification(running, reports)))
        command = [wstest, "--mode", "fuzzingclient", "--spec", str(specification)]
        subprocess.run(command, check=True, timeout=SUITE_TIMEOUT, stdout=subprocess.DEVNULL)
    index: dict[str, dict[str, dict[str, Any]]] = json.loads((reports / "index.json").read_text())
    (results,) = index.values()
    return {
        case: min(result["behavior"], result["behaviorClose"], key=lambda behaviour: behaviour in PASSED)
        for case, result in results.items()
    }


def _specification(running: Running, reports: Path) -> dict[str, Any]:
    return {
        "outdir": str(reports),
        "servers": [{"agent": running.name, "url": running.websocket_url}],
        "cases": CASES,
        "exclude-cases": [],
    }


if __name__ == "__main__":
    sys.exit(main())
