"""Waiting until somebody opens a file."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anysocket_rsgi import _opened
from anysocket_rsgi._opened import Openings, next_opening, opened

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


@pytest.fixture
async def openings() -> AsyncIterator[Openings]:
    openings = Openings(asyncio.get_running_loop())
    yield openings
    openings.close()


async def test_an_opening_is_told(openings: Openings, file: Path) -> None:
    opening = openings.next(str(file))
    await asyncio.sleep(0.01)
    assert not opening.done()
    os.close(os.open(file, os.O_RDONLY))
    await asyncio.wait_for(opening, 1)
    assert openings._waiting == {}


async def test_an_opening_of_a_file_that_is_gone_meanwhile(openings: Openings, file: Path) -> None:
    opening = openings.next(str(file))
    descriptor = os.open(file, os.O_RDONLY)
    os.unlink(file)
    os.close(descriptor)
    await asyncio.wait_for(opening, 1)


async def test_each_who_waits_for_a_file_gets_an_opening_of_its_own(openings: Openings, file: Path) -> None:
    first, second = openings.next(str(file)), openings.next(str(file))
    os.close(os.open(file, os.O_RDONLY))
    await asyncio.wait_for(first, 1)
    assert not second.done()
    os.close(os.open(file, os.O_RDONLY))
    await asyncio.wait_for(second, 1)
    assert openings._waiting == {}


async def test_who_waits_no_more_leaves_nothing(openings: Openings, file: Path) -> None:
    first, second = openings.next(str(file)), openings.next(str(file))
    first.cancel()
    await asyncio.sleep(0)
    os.close(os.open(file, os.O_RDONLY))
    await asyncio.wait_for(second, 1)
    assert openings._waiting == {}


async def test_nobody_waits_for_long(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_opened, "TIMEOUT", 0.01)
    opening = next_opening(str(file))
    assert opening is not None
    await asyncio.wait_for(opened(opening), 1)
    assert opening.cancelled()


async def test_a_file_that_cannot_be_watched(tmp_path: Path) -> None:
    assert next_opening(str(tmp_path / "nothing")) is None
    await opened(None)


async def test_a_system_without_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_opened, "_thread", type("Thread", (), {})())
    monkeypatch.setattr(sys, "platform", "darwin")
    assert next_opening(str(file)) is None


def test_one_for_each_event_loop(file: Path) -> None:
    """What the loop before had is given back."""

    async def wait() -> int:
        opening = next_opening(str(file))
        os.close(os.open(file, os.O_RDONLY))
        await opened(opening)
        assert opening is not None and not opening.cancelled()
        return len(os.listdir("/proc/self/fd"))

    assert len({asyncio.run(wait()) for _ in range(3)}) == 1
