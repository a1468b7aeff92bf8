"""The fields of log records: the same names in every record about a connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anysocket import App, Capability, ConnectionClosed, Denied, Limits, WebSocket, WebSocketManager
from core.fake_transport import FakeTransport, soon

FORGED = "a\n\r\x1b[2K\x85\u2028CRITICAL anysocket: forged"

FIELDS = ("websocket_id", "path", "client", "handler", "close_code", "close_reason", "closed_by")


def fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in FIELDS}


async def records_of(
    handler: Callable[[WebSocket], Awaitable[None]], caplog: pytest.LogCaptureFixture, **options: Any
) -> list[logging.LogRecord]:
    app = App()
    app.websocket("/rooms/<room>")(lambda websocket, room: handler(websocket))
    with caplog.at_level(logging.DEBUG, "anysocket"):
        await soon(app.serve(FakeTransport("/rooms/a", **options)))
    return caplog.records


async def test_a_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    ids = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        ids.append(websocket.id)
        raise ValueError

    (record,) = await records_of(handler, caplog)
    assert fields(record) == {
        "websocket_id": ids[0],
        "path": "/rooms/a",
        "client": "192.0.2.7",
        "handler": "records_of.<locals>.<lambda>",
        "close_code": None,
        "close_reason": None,
        "closed_by": None,
    }


async def test_a_connection_that_has_ended_says_how(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(4000, "enough")
        await websocket.send_text("too late")

    (record,) = await records_of(handler, caplog)
    assert (record.levelno, fields(record)["close_code"]) == (logging.DEBUG, 4000)
    assert (fields(record)["close_reason"], fields(record)["closed_by"]) == ("enough", "us")


async def deny_late(websocket: WebSocket) -> None:
    await websocket.accept()
    raise Denied(401)


async def deny_wrongly(websocket: WebSocket) -> None:
    raise Denied(200)


async def forget(websocket: WebSocket) -> None:
    pass


async def deny_with_body(websocket: WebSocket) -> None:
    await websocket.deny(403, body="go away")


async def close_with_reason(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(4000, "reason")


async def post_in_vain(websocket: WebSocket) -> None:
    await websocket.accept()
    manager = WebSocketManager()
    manager.add_connection("me", websocket)
    transport: Any = websocket._transport
    transport.send_fails_with = ZeroDivisionError("a bug of the server")
    await manager.broadcast_to_all("hello")
    await websocket.wait_closed()


@pytest.mark.parametrize(
    "handler", [deny_late, deny_wrongly, forget, deny_with_body, close_with_reason, post_in_vain]
)
async def test_every_record_about_a_connection_has_them_all(
    handler: Callable[[WebSocket], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    records = await records_of(handler, caplog, capabilities=Capability(0))
    assert records
    for record in records:
        assert fields(record)["path"] == "/rooms/a"


async def test_a_refused_origin(caplog: pytest.LogCaptureFixture) -> None:
    (record,) = await records_of(forget, caplog, headers=((b"origin", b"https://elsewhere.example"),))
    assert fields(record)["client"] == "192.0.2.7" and "origin" in record.message


# -- what a peer chose stays within its record's one line --


async def fail(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ValueError


async def hang(websocket: WebSocket) -> None:
    await asyncio.get_running_loop().create_future()


async def let_the_end_through(websocket: WebSocket) -> None:
    await websocket.accept()
    transport: Any = websocket._transport
    transport.peer_closes(4000, FORGED)
    await websocket.receive_text()


@pytest.mark.parametrize(
    ("handler", "limits", "headers"),
    [
        (forget, Limits(), ()),
        (fail, Limits(), ()),
        (deny_late, Limits(), ()),
        (let_the_end_through, Limits(), ()),
        (hang, Limits(accept_timeout=0.01), ()),
        (let_the_end_through, Limits(connections=1), ()),
        (forget, Limits(), ((b"origin", FORGED.encode()), (b"host", FORGED.encode()))),
        (post_in_vain, Limits(), ()),
    ],
)
async def test_text_of_the_peer_forges_no_lines(
    handler: Callable[[WebSocket], Awaitable[None]],
    limits: Limits,
    headers: tuple[tuple[bytes, bytes], ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = App(limits=limits)
    app.websocket("/<room>")(lambda websocket, room: handler(websocket))
    waiting = FakeTransport("/first")
    with caplog.at_level(logging.DEBUG, "anysocket"):
        if limits.connections:
            app._gate.enter("another", WebSocket(waiting))
        await soon(app.serve(FakeTransport(f"/{FORGED}", headers=headers)))
    assert any("forged" in record.getMessage() for record in caplog.records)
    for record in caplog.records:
        assert record.getMessage().isprintable()


async def test_what_is_shown_for_people_is_one_line() -> None:
    """Users log a connection, its end, and who it is."""
    shown = [str(WebSocket(FakeTransport(f"/{FORGED}"))), str(ConnectionClosed(4000, FORGED))]
    assert all("forged" in text and text.isprintable() for text in shown)
