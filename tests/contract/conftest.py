"""What the contract's tests share. They drive ``contract_app.py``, some frame by frame."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

KEYS = itertools.count(1)
ASK_TIMEOUT = 10.0


@pytest.fixture
def running(serve):
    """The contract's app, on each server."""
    return serve("contract_app:app")


@pytest.fixture
def key() -> str:
    """A name of this test's own for what a handler tells."""
    return f"key-{next(KEYS)}"


@pytest.fixture
def ask():
    """``await ask(running, path)``: the JSON that the handler of ``path`` sends first."""

    async def ask(running, path: str) -> dict[str, Any]:
        async with running.connect(path) as peer:
            answer: dict[str, Any] = await peer.receive_json(ASK_TIMEOUT)
            return answer

    return ask


@pytest.fixture
def told(running, key, ask):
    """``await told()``: what a handler that was given ``key`` told."""

    async def told(which: str = "") -> dict[str, Any]:
        return await ask(running, f"/told/{which or key}")

    return told
