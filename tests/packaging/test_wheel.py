"""What a user gets from the index: built by the backend that pyproject.toml names, without the network."""

from __future__ import annotations

import configparser
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from project import PACKAGES, PYPROJECT, ROOT, shipped_files


def build(source: Path, folder: Path, target: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    result = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    (folder,) = unpacked.iterdir()
    return folder


def names(wheel: zipfile.ZipFile) -> set[str]:
    """The wheel's files but its metadata."""
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def metadata_file(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(metadata_file(wheel, "METADATA"))


def test_the_wheel_has_every_file_of_both_roots_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    assert names(wheel) == shipped_files()


def test_the_wheel_adds_only_our_packages_to_site_packages(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in names(wheel)} == set(PACKAGES)
    assert all(name == "anysocket" or name.startswith("anysocket_") for name in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_typed(wheel: zipfile.ZipFile, package: str) -> None:
    assert f"{package}/py.typed" in names(wheel)


@pytest.mark.parametrize("package", ["anysocket_cli", "anysocket_monitor"])
def test_the_demo_and_the_monitor_have_their_page(wheel: zipfile.ZipFile, package: str) -> None:
    assert [name for name in names(wheel) if name.startswith(f"{package}/") and name.endswith(".html")]


def test_the_command_is_installed(wheel: zipfile.ZipFile) -> None:
    entry_points = configparser.ConfigParser()
    entry_points.read_string(metadata_file(wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {"anysocket": "anysocket_cli:main"}


def test_the_licence_is_mit_and_comes_along(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata_file(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()


def test_the_wheel_is_for_every_platform_from_python_3_11(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert str(wheel.filename).endswith("-py3-none-any.whl")
    assert metadata["Requires-Python"] == ">=3.11"


def test_only_starlette_is_needed_without_extras(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    assert [line for line in requirements if "extra ==" not in line] == ["starlette>=0.46.0"]


def test_the_extra_all_has_every_server(metadata: Message) -> None:
    extras = metadata.get_all("Provides-Extra", [])
    servers = {"granian", "uvicorn", "picows", "hypercorn", "daphne"}
    backplanes = {"zenoh", "redis", "nats"}
    assert set(extras) == servers | backplanes | {"all", "testing", "metrics", "otel"}
    requirements = metadata.get_all("Requires-Dist", [])
    needed = {
        extra: {line.split(";")[0] for line in requirements if f"'{extra}'" in line} for extra in extras
    }
    assert needed["all"] == set().union(*(needed[server] for server in servers))


def test_the_readme_is_the_description(metadata: Message) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).strip() == (ROOT / "README.md").read_text().strip()


@pytest.mark.parametrize(
    "path", ["LICENSE", "CHANGELOG.md", "tox.ini", "tests/conftest.py", "examples/echo.py"]
)
def test_the_sdist_has_what_a_packager_needs(sdist: Path, path: str) -> None:
    assert (sdist / path).exists()


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(sdist, tmp_path, "wheel")) as rebuilt:
        assert rebuilt.namelist() == wheel.namelist()
        assert all(rebuilt.read(name) == wheel.read(name) for name in rebuilt.namelist())


def test_the_sdist_has_no_leftovers(sdist: Path) -> None:
    leftovers = {".tox", ".git", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
    assert not [path for path in sdist.rglob("*") if path.name in leftovers]


def test_the_version_is_in_the_changelog() -> None:
    assert f"## [{PYPROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text()
