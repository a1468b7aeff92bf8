"""What the tests of the packaging share: the project's folder, its configuration, its packages."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE_FOLDERS = sorted(
    path.parent for root in ("src", "adapters") for path in (ROOT / root).glob("*/__init__.py")
)
PACKAGES = [folder.name for folder in PACKAGE_FOLDERS]


def shipped_files() -> set[str]:
    """Every file of our packages, as the wheel must name it."""
    return {
        file.relative_to(package.parent).as_posix()
        for package in PACKAGE_FOLDERS
        for file in package.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
