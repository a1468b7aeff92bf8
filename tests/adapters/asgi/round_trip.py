"""Play something against an ASGI app, and against the same app through RSGI and back: it must be the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from anysocket_asgi import from_rsgi
from anysocket_rsgi import from_asgi

Play = Callable[[TestClient], Any]


def same(make_app: Callable[[], Any], play: Play, **options: Any) -> Any:
    """What ``play`` returns, which is the same on both; a fresh app for each."""
    with TestClient(make_app(), **options) as client:
        direct = play(client)
    with TestClient(from_rsgi(from_asgi(make_app())), **options) as client:
        assert play(client) == direct
    return direct


def answer(response: Any) -> Any:
    """All that a client sees of a response."""
    return response.status_code, response.headers.multi_items(), response.content


def refused_status(client: TestClient, path: str) -> int:
    """The status of a refused handshake; 403 where TestClient does not tell."""
    try:
        with client.websocket_connect(path):
            raise AssertionError(f"{path} was accepted")
    except WebSocketDisconnect as refused:
        return getattr(refused, "status_code", 403)


def close_code(websocket: Any) -> int:
    """The code of the close that comes next. RSGI carries no reason."""
    try:
        message = websocket.receive_text()
    except WebSocketDisconnect as closed:
        return closed.code
    raise AssertionError(f"{message!r} came instead of a close")
