"""Every Python block of the README and the guides runs, and the tests they show pass."""

from __future__ import annotations

import asyncio
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
LINKED = [*PAGES, *sorted([*ROOT.glob("[!R]*.md"), *ROOT.glob("*/README.md")])]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(((?!https?://)[^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_page_runs(page: Path) -> None:
    blocks = BLOCK.findall(page.read_text())
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    for name, function in list(names.items()):
        if name.startswith("test_"):
            _run(function, names)


def _run(test: Any, names: dict[str, Any]) -> None:
    result = test(**{parameter: names[parameter] for parameter in inspect.signature(test).parameters})
    if inspect.iscoroutine(result):
        asyncio.run(result)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []
