"""Messages and ends of a WebSocket over ASGI, against servers that play a script."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from scripted import (
    CONNECT,
    DAPHNE,
    GRANIAN,
    HYPERCORN,
    LEGACY,
    TESTCLIENT,
    UNKNOWN,
    UVICORN,
    Script,
    disconnect,
    play,
    server,
    text,
)

from anysocket import ConnectionClosed, Message

# -- receiving --


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"text": "x"}, Message("text", "x")),
        ({"text": "x", "bytes": None}, Message("text", "x")),
        ({"text": "", "bytes": None}, Message("text", "")),
        ({"text": ""}, Message("text", "")),
        ({"bytes": b"x"}, Message("bytes", b"x")),
        ({"bytes": b"x", "text": None}, Message("bytes", b"x")),
        ({"bytes": b"", "text": None}, Message("bytes", b"")),
        ({"bytes": bytearray(b"x")}, Message("bytes", b"x")),
        ({}, Message("bytes", b"")),
    ],
)
async def test_messages(event, message):
    seen = []

    async def handler(websocket):
        await websocket.accept()
        seen.append(await websocket.receive())

    await play(handler, server(UVICORN, CONNECT, {"type": "websocket.receive", **event}, disconnect(1000)))
    assert seen == [message]
    assert type(seen[0].data) in (str, bytes)


CLOSED, LOST = "closed", "lost"


@pytest.mark.parametrize(
    ("module", "event", "end"),
    [
        (UVICORN, disconnect(4001, reason="bye"), (CLOSED, 4001, "bye")),
        (UVICORN, disconnect(1000), (CLOSED, 1000, "")),
        (UVICORN, disconnect(1005, reason=None), (CLOSED, 1005, "")),
        (UVICORN, disconnect(), (CLOSED, 1005, "")),
        (DAPHNE, disconnect(None), (CLOSED, 1005, "")),
        (DAPHNE, disconnect(1006), (LOST, 1006, "")),
        (LEGACY, disconnect(1006), (LOST, 1006, "")),
        (UNKNOWN, disconnect(1006), (LOST, 1006, "")),
        (UVICORN, disconnect(1006), (CLOSED, 1005, "")),
        (HYPERCORN, disconnect(1006), (CLOSED, 1005, "")),
        (GRANIAN, disconnect(1005), (CLOSED, 1005, "")),
    ],
)
async def test_ends(module, event, end):
    seen = []

    async def handler(websocket):
        await websocket.accept()
        try:
            message = await websocket.receive()
            seen.append((CLOSED, message.code, message.reason))
        except ConnectionClosed as closed:
            seen.append((closed.by, closed.code, ""))
        with pytest.raises(ConnectionClosed):
            await websocket.receive()
        with pytest.raises(ConnectionClosed):
            await websocket.send_text("late")

    script = await play(handler, server(module, CONNECT, event))
    assert seen == [end]
    assert "websocket.send" not in script.types()


class Watching(Script):
    """Keeps the tasks that called ``receive``."""

    async def receive(self):
        self.receivers = [*getattr(self, "receivers", ()), asyncio.current_task()]
        return await super().receive()


@pytest.mark.parametrize("module", [TESTCLIENT, UNKNOWN])
async def test_receive_runs_in_no_task_that_is_cancelled(module):
    """Streams of anyio, of which the TestClient is made, pass over a receiver whose task is about to be
    cancelled: the next reader would wait for ever."""
    script = server(module, CONNECT, base=Watching)
    readers = []

    async def handler(websocket):
        await websocket.accept()
        for _ in range(3):
            readers.append(asyncio.create_task(websocket.receive()))
            await asyncio.sleep(0)
            script.events.put_nowait(text("x"))
            await readers[-1]

    await play(handler, script)
    assert not set(readers) & set(script.receivers)


@pytest.mark.parametrize("error", [OSError, RuntimeError])
async def test_receive_that_fails_is_a_loss(error):
    class Failing(Script):
        async def receive(self):
            if self.events.empty():
                raise error("connection reset")
            return await super().receive()

    seen = []

    async def handler(websocket):
        await websocket.accept()
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.receive()
        seen.append((closed.value.code, closed.value.by))

    await play(handler, server(UNKNOWN, CONNECT, base=Failing))
    assert seen == [(1006, "lost")]


# -- sending and closing --


async def test_messages_out():
    async def handler(websocket):
        await websocket.accept()
        await websocket.send_text("")
        await websocket.send_bytes(b"x")

    script = await play(handler, server(UVICORN, CONNECT))
    assert script.sent[1:] == [
        {"type": "websocket.send", "text": ""},
        {"type": "websocket.send", "bytes": b"x"},
        {"type": "websocket.close", "code": 1000},
    ]


@pytest.mark.parametrize("error", [OSError, BrokenPipeError, RuntimeError])
async def test_send_that_fails_is_a_loss(error):
    def fail(event):
        if event["type"] == "websocket.send":
            raise error("gone")

    seen = []

    async def handler(websocket):
        await websocket.accept()
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.send_text("x")
        seen.append((closed.value.code, closed.value.by, websocket.closed))

    await play(handler, server(UVICORN, CONNECT, fail=fail))
    assert seen == [(1006, "lost", True)]


async def close_with(script, code, reason=""):
    async def handler(websocket):
        await websocket.accept()
        await websocket.close(code, reason)

    await play(handler, script)
    return script.sent[-1]


@pytest.mark.parametrize(
    ("module", "code", "reason", "event"),
    [
        (UVICORN, 4001, "bye", {"code": 4001, "reason": "bye"}),
        (UVICORN, 1000, "", {"code": 1000}),
        (DAPHNE, 1000, "bye", {"code": 1000}),
        (DAPHNE, 3000, "bye", {"code": 3000}),
        (DAPHNE, 4999, "", {"code": 4999}),
        (DAPHNE, 1008, "no", {}),
        (DAPHNE, 1001, "", {}),
        (GRANIAN, 1008, "no", {"code": 1008, "reason": "no"}),
    ],
)
async def test_close(module, code, reason, event):
    sent = await close_with(server(module, CONNECT), code, reason)
    assert sent == {"type": "websocket.close", **event}


@pytest.mark.parametrize(("version", "kept"), [("2.2", False), ("2.3", True)])
async def test_reason_only_since_2_3(version, kept):
    script = server(UNKNOWN, CONNECT)

    async def handler(websocket):
        await websocket.accept()
        await websocket.close(4001, "bye")

    await play(handler, script, asgi={"spec_version": version})
    assert ("reason" in script.sent[-1]) is kept


@pytest.mark.parametrize("error", [OSError, RuntimeError])
async def test_close_of_a_dead_connection_raises_nothing(error):
    def fail(event):
        if event["type"] == "websocket.close":
            raise error("gone already")

    async def handler(websocket):
        await websocket.accept()
        await websocket.close()
        assert websocket.closed

    script = await play(handler, server(UVICORN, CONNECT, fail=fail))
    assert script.types() == ["websocket.accept"]


class GranianLike(Script):
    """Its ``receive`` gives a future, and its close waits for ever while that is pending."""

    pending: asyncio.Future[Any] | None = None

    def receive(self):
        if not self.events.empty():
            done = asyncio.get_running_loop().create_future()
            done.set_result(self.events.get_nowait())
            return done
        self.pending = asyncio.get_running_loop().create_future()
        return self.pending

    async def send(self, event):
        if event["type"] == "websocket.close" and self.pending is not None and not self.pending.done():
            await asyncio.Event().wait()
        await super().send(event)


async def test_granians_close_with_a_pending_receive_goes_through():
    script = server(GRANIAN, CONNECT, text("x"), base=GranianLike)

    async def handler(websocket):
        await websocket.accept()
        await websocket.receive()
        async with asyncio.timeout(2):
            await websocket.close(1008, "no")

    await play(handler, script)
    assert script.sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "no"}
    assert script.pending is not None and script.pending.cancelled()


async def test_granian_is_told_to_answer_the_peers_close():
    """It answers only when it reads on, and ends TCP when it is told to close as well: at once, however long
    the handler goes on."""
    script = server(GRANIAN, CONNECT, base=GranianLike)
    ends = asyncio.Event()

    async def handler(websocket):
        await websocket.accept()
        await ends.wait()

    playing = asyncio.create_task(play(handler, script))
    await script.sends("websocket.accept")
    while script.pending is None:
        await asyncio.sleep(0)
    script.pending, first = None, script.pending
    first.set_result(disconnect(4001))
    while script.pending is None:
        await asyncio.sleep(0)
    script.pending.set_result(disconnect(1005))
    assert (await script.sends("websocket.close"))["type"] == "websocket.close"
    ends.set()
    await playing
    assert script.types().count("websocket.close") == 1


async def test_other_servers_answer_by_themselves():
    async def handler(websocket):
        await websocket.accept()
        await websocket.wait_closed()

    script = await play(handler, server(UVICORN, CONNECT, disconnect(1000)))
    assert script.types() == ["websocket.accept"]


@pytest.mark.parametrize("accepts", [True, False])
async def test_daphne_is_told_of_the_end_of_a_cancelled_handler(accepts):
    """Else it keeps the connection, which nobody serves any more."""

    async def handler(websocket):
        if accepts:
            await websocket.accept()
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    script = server(DAPHNE, CONNECT)
    playing = asyncio.create_task(play(handler, script))
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert (await script.sends("websocket.close")) == {"type": "websocket.close", "code": 1000}
    assert script.types() == ["websocket.accept"] * accepts + ["websocket.close"]
