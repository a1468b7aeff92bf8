"""A WebSocket's handshake over ASGI, against servers that play a script."""

from __future__ import annotations

import asyncio
import logging

import pytest
from scripted import (
    ABSENT,
    CONNECT,
    DAPHNE,
    GRANIAN,
    HYPERCORN,
    UNKNOWN,
    UVICORN,
    Script,
    app_of,
    disconnect,
    play,
    run,
    server,
    websocket_scope,
)

from anysocket import App, Capability, ConnectionClosed, Denied, UnsupportedByTransport


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (lambda ws: ws.accept(), {"type": "websocket.accept"}),
        (lambda ws: ws.accept("chat"), {"type": "websocket.accept", "subprotocol": "chat"}),
        (
            lambda ws: ws.accept(headers={"X-A": "b"}),
            {"type": "websocket.accept", "headers": [(b"x-a", b"b")]},
        ),
    ],
)
async def test_accept(event, expected):
    script = await play(event, server(UVICORN, CONNECT, disconnect(1000)), subprotocols=["chat"])
    assert script.sent[0] == expected


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("Unexpected ASGI message")])
async def test_peer_gone_at_accept(error):
    def fail(event):
        raise error

    seen = []

    async def handler(websocket):
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.accept()
        seen.append((closed.value.code, closed.value.by))

    await play(handler, server(UVICORN, CONNECT, fail=fail))
    assert seen == [(1006, "lost")]


class SlowToAccept(Script):
    """Takes no accept."""

    async def send(self, event):
        if event["type"] == "websocket.accept":
            await asyncio.Event().wait()
        await super().send(event)


@pytest.mark.parametrize("module", [UVICORN, GRANIAN, HYPERCORN, DAPHNE, UNKNOWN])
async def test_cancelled_accept_ends_the_handshake_while_the_handler_goes_on(module):
    script = server(module, CONNECT, base=SlowToAccept)

    async def handler(websocket):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(websocket.accept(), 0.01)
        await script.sends("websocket.close")

    await play(handler, script)
    assert script.types() == ["websocket.close"]


async def test_accept_headers_are_refused_where_they_would_be_dropped():
    async def handler(websocket):
        with pytest.raises(
            UnsupportedByTransport, match=r"Daphne cannot .*ACCEPT_HEADERS.*compat_matrix\.md"
        ):
            await websocket.accept(headers={"x-a": "b"})
        await websocket.accept()

    script = await play(handler, server(DAPHNE, CONNECT, disconnect(1000)))
    assert script.sent[0] == {"type": "websocket.accept"}


async def test_peer_that_left_before_connect():
    async def handler(websocket):
        raise AssertionError("called for nobody")

    assert (await play(handler, server(UVICORN, disconnect(1006)))).sent == []


async def deny(websocket):
    headers = [("x-why", "one"), ("x-why", "two"), ("Content-Length", "999")]
    await websocket.deny(429, headers, "slow down")


@pytest.mark.parametrize("module", [UVICORN, HYPERCORN, UNKNOWN])
async def test_denial_with_a_body(module):
    script = await play(deny, server(module, CONNECT))
    start, body = script.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    assert start["headers"] == [
        (b"x-why", b"one"),
        (b"x-why", b"two"),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"9"),
    ]
    assert body == {"type": "websocket.http.response.body", "body": b"slow down"}


async def test_denial_keeps_its_content_type():
    async def handler(websocket):
        raise Denied(403, {"content-type": "application/json"}, "{}")

    start = (await play(handler, server(UVICORN, CONNECT))).sent[0]
    assert start["headers"] == [(b"content-type", b"application/json"), (b"content-length", b"2")]


async def test_denial_on_granian_has_no_two_headers_of_one_name():
    start = (await play(deny, server(GRANIAN, CONNECT))).sent[0]
    assert start["headers"][0] == (b"x-why", b"one, two")
    assert len({name for name, _ in start["headers"]}) == len(start["headers"])


@pytest.mark.parametrize(
    ("module", "extensions"),
    [
        (DAPHNE, ABSENT),
        (DAPHNE, {"websocket.http.response": {}}),
        (UVICORN, {}),
        (UVICORN, None),
        (UNKNOWN, {}),
    ],
)
async def test_denial_without_the_extension_is_a_close(module, extensions, caplog):
    caplog.set_level(logging.DEBUG, "anysocket")
    script = await play(deny, server(module, CONNECT), extensions=extensions)
    assert script.sent == [{"type": "websocket.close"}]
    assert "cannot carry headers and body" in caplog.text


@pytest.mark.parametrize("error", [OSError, RuntimeError])
@pytest.mark.parametrize("extensions", [{"websocket.http.response": {}}, {}])
async def test_denial_of_a_peer_that_left_raises_nothing(error, extensions, caplog):
    def fail(event):
        raise error

    await play(deny, server(UVICORN, CONNECT, fail=fail), extensions=extensions)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("module", "answer"),
    [(UVICORN, "websocket.http.response.start"), (DAPHNE, "websocket.close")],
)
async def test_connection_without_what_the_app_requires_is_refused(module, answer, caplog):
    async def handler(websocket):
        raise AssertionError("called without")

    app = app_of(handler, requires=Capability.LOST_IS_1006 | Capability.ACCEPT_HEADERS)
    script = await run(app, websocket_scope(), server(module, CONNECT))
    assert script.types()[0] == answer
    assert "this app requires" in caplog.text


async def test_mounted_websocket_app_gets_what_no_route_takes():
    seen = []

    async def mounted(scope, receive, send):
        seen.append((scope["path"], (await receive())["type"]))
        await send({"type": "websocket.close", "code": 4002})

    async def own(websocket):
        await websocket.accept()
        await websocket.close(4003)

    app = App()
    app.mount("/mounted", mounted)
    app.websocket("/mounted/own")(own)
    script = await run(app, websocket_scope("/mounted/ws"), server(UVICORN, CONNECT))
    assert [path for path, _ in seen] and seen[0][1] == "websocket.connect"
    assert script.sent == [{"type": "websocket.close", "code": 4002}]
    script = await run(app, websocket_scope("/mounted/own"), server(UVICORN, CONNECT))
    assert script.sent[-1]["code"] == 4003
    assert len(seen) == 1


async def test_route_below_root_path():
    async def handler(websocket):
        await websocket.accept()
        await websocket.close(4004)

    script = await run(app_of(handler), websocket_scope("/api/", root_path="/api"), server(UVICORN, CONNECT))
    assert script.sent[-1]["code"] == 4004
