"""The configuration agrees with the folders, with itself and with what is installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import subprocess
import sys

import pytest

from project import PACKAGES, PYPROJECT, ROOT

TEST_COMMAND = "pip install tox && tox"
REQUIREMENT = re.compile(r"(?P<name>[\w-]+)>=(?P<version>[\d.]+)")


def lower_bounds() -> dict[str, str]:
    """Each package that users or the tests' frameworks come with, and the lowest version that is allowed."""
    lines = list(PYPROJECT["project"]["dependencies"])
    for requirements in PYPROJECT["project"]["optional-dependencies"].values():
        lines += requirements
    tested_with = ("fastapi", "wsproto", "httptools")
    lines += [line for line in PYPROJECT["dependency-groups"]["test"] if str(line).startswith(tested_with)]
    return {match["name"]: match["version"] for line in lines if (match := REQUIREMENT.fullmatch(line))}


def lowest_versions() -> dict[str, str]:
    lines = (ROOT / "tests/packaging/lowest.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_the_lowest_versions_are_the_lower_bounds() -> None:
    assert lowest_versions() == lower_bounds()


def test_every_package_is_measured() -> None:
    assert sorted(PYPROJECT["tool"]["coverage"]["run"]["source_pkgs"]) == sorted(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_imports(package: str) -> None:
    assert importlib.import_module(package).__name__ == package


def test_importing_anysocket_loads_no_adapter_and_no_server() -> None:
    servers = ("granian", "uvicorn", "hypercorn", "daphne", "twisted", "fastapi")
    code = "import sys, anysocket; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).split())
    assert loaded.isdisjoint(servers)
    assert loaded.isdisjoint(set(PACKAGES) - {"anysocket"})


def test_the_installed_command_is_ours() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts", name="anysocket")
    assert {script.value for script in scripts} == {"anysocket_cli:main"}


def test_the_readme_and_the_continuous_integration_run_the_same_command() -> None:
    assert TEST_COMMAND in (ROOT / ".ci/run").read_text()
    assert TEST_COMMAND in (ROOT / "README.md").read_text()
