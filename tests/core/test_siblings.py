"""A broadcast that stays in one of several workers."""

from __future__ import annotations

import pytest

from anysocket import WebSocketManager, _siblings
from anysocket.testing import MemoryHub
from core.members import add


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_siblings, "_told", [])


async def test_one_worker_is_no_reason_to_warn(caplog: pytest.LogCaptureFixture) -> None:
    await WebSocketManager().broadcast_to_all("x")
    assert not caplog.records


async def test_several_workers_are_once(caplog: pytest.LogCaptureFixture) -> None:
    _siblings.has_siblings("Granian runs 4 workers")
    _siblings.has_siblings("Granian runs 4 workers")
    manager = WebSocketManager()
    await add(manager, "ann", "r")
    assert not caplog.records, "rooms alone do no harm"
    for _ in range(3):
        await manager.broadcast_to_room("r", "x")
        await manager.send_to("elsewhere", "x")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "Granian runs 4 workers" in record.message and 'backplane="zenoh://"' in record.message


async def test_a_backplane_is_all_it_takes(caplog: pytest.LogCaptureFixture) -> None:
    _siblings.has_siblings("Granian runs 4 workers")
    manager = WebSocketManager(backplane=MemoryHub().connect())
    await manager.broadcast_to_all("x")
    await manager.backplane.stop()
    assert not caplog.records
