"""Applications of others: each on a real server, through the shim, with a client that is none of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

APPS = Path(__file__).parent / "apps"

Open = Callable[..., connect]


@pytest.fixture
def app(request: pytest.FixtureRequest) -> str:
    """What the module's tests are about, as its constant ``APP``: the default of ``running``."""
    return str(request.module.APP)


@pytest.fixture
def running(serve: Any, app: str) -> Any:
    return serve(app, APPS)


@pytest.fixture
async def client(running: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client for HTTP with a memory for cookies."""
    async with httpx2.AsyncClient(base_url=running.url, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def open_socket(running: Any) -> Open:
    """The client of the library websockets; the arguments are its own, but for the path."""

    def open_socket(path: str, **options: Any) -> connect:
        return connect(running.websocket_url + path, proxy=None, open_timeout=5, close_timeout=5, **options)

    return open_socket
