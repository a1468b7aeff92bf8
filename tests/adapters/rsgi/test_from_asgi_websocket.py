"""An ASGI app's WebSockets under RSGI, over the in-memory server: each message and field of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from typing import Any

import pytest

from anysocket import ConnectionClosed, UnsupportedByTransport
from anysocket.testing import Refused
from anysocket_rsgi import from_asgi
from anysocket_rsgi.testing import connect

ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close"}
START = {"type": "websocket.http.response.start", "status": 404, "headers": []}
BODY = {"type": "websocket.http.response.body"}
LOST = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
CONNECTED = {"type": "websocket.connect"}


def text(data: str) -> dict[str, Any]:
    return {"type": "websocket.send", "text": data}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An app as the specification has it."""
    assert await receive() == CONNECTED
    await send(ACCEPT)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def refusal(app: Any, path: str = "/") -> int:
    with pytest.raises(Refused) as refused:
        async with connect(app, path):
            pass
    return refused.value.status


async def outcome(call: Any) -> Any:
    """What awaiting ``call`` gives, or the error that it raises."""
    try:
        return await call
    except Exception as error:
        return error


def playing(*messages: dict[str, Any]) -> tuple[Any, list[Any]]:
    """An app that sends these, and the list of what came of each; then it receives."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == CONNECTED
        for message in messages:
            seen.append(await outcome(send(message)))
        seen.append(await receive())

    return from_asgi(app), seen


# -- the scope --


async def test_scope() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await receive()
        await send(CLOSE)

    headers = [("X-A", "1"), ("x-b", "2"), ("x-a", "3")]
    with pytest.raises(Refused):
        async with connect(
            from_asgi(app, root_path="/root"), "/a%20b/%C3%A9?x=%20", headers=headers, subprotocols=["a", "b"]
        ):
            pass
    assert (seen["type"], seen["scheme"], seen["http_version"]) == ("websocket", "ws", "1.1")
    assert seen["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (seen["path"], seen["raw_path"]) == ("/root/a b/é", b"/root/a%20b/%C3%A9")
    assert (seen["root_path"], seen["query_string"]) == ("/root", b"x=%20")
    assert [value for name, value in seen["headers"] if name == b"x-a"] == [b"1", b"3"]
    assert seen["subprotocols"] == ["a", "b"]
    assert (seen["client"], seen["server"]) == (("127.0.0.1", 50000), ("127.0.0.1", 80))
    assert (type(seen["client"]), type(seen["client"][1])) == (tuple, int)
    assert (seen["state"], seen["extensions"]) == ({}, {"websocket.http.response": {}})


# -- messages --


@pytest.mark.parametrize("data", ["text", "", "é\0", b"bytes", b"", b"\0\xff", "x" * 100_000])
async def test_a_message_comes_and_goes_as_it_is(data: str | bytes) -> None:
    async with connect(from_asgi(echo), "/") as peer:
        await peer.send(data)
        assert (await peer.receive()).data == data


@pytest.mark.parametrize(
    "message", [{"bytes": b"1"}, {"bytes": b"1", "text": None}, {"text": "1", "bytes": None}]
)
async def test_the_other_key_may_be_none(message: dict[str, Any]) -> None:
    app, seen = playing(ACCEPT, {"type": "websocket.send", **message})
    async with connect(app, "/") as peer:
        assert (await peer.receive()).data in ("1", b"1")
    assert seen[:2] == [None, None]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_bytes_of_other_types(kind: Any) -> None:
    app, seen = playing(ACCEPT, {"type": "websocket.send", "bytes": kind(b"1")})
    async with connect(app, "/") as peer:
        assert await peer.receive_bytes() == b"1"
    assert seen[1] is None


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "websocket.send", "text": b"1"}, TypeError),
        ({"type": "websocket.send", "bytes": "1"}, TypeError),
        ({"type": "websocket.send", "bytes": None}, TypeError),
        ({"type": "websocket.send"}, KeyError),
        ({"type": "websocket.send", "text": "\ud800"}, ValueError),
        ({"type": "websocket.close", "code": 999}, ValueError),
        ({"type": "websocket.close", "reason": "x" * 124}, ValueError),
    ],
)
async def test_what_no_websocket_can_send(message: dict[str, Any], error: type[Exception]) -> None:
    app, seen = playing(ACCEPT, message)
    async with connect(app, "/"):
        pass
    assert isinstance(seen[1], error)


async def test_messages_that_came_before_the_accept() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        receiving = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(ACCEPT)
        await send(text(f"got {(await receiving)['text']}"))

    async with connect(from_asgi(app), "/") as peer:
        await peer.send_text("1")
        assert await peer.receive_text() == "got 1"


async def test_several_tasks_may_receive_and_share_the_messages() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        messages = await asyncio.gather(*(receive() for _ in range(4)))
        await send(text(" ".join(message.get("text", message["type"]) for message in messages)))

    async with connect(from_asgi(app), "/") as peer:
        for data in ("1", "2", "3", "4"):
            await peer.send_text(data)
        assert await peer.receive_text() == "1 2 3 4"


@pytest.mark.parametrize("runtime_mode", ["st", "mt"])
async def test_cancelled_receives_lose_nothing(runtime_mode: Any) -> None:
    chance = random.Random(6455)
    count = 300

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        seen: list[str] = []
        while len(seen) < count:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.choice([0, 0, 0.0001, 0.001])):
                    seen.append((await receive())["text"])
        assert seen == [str(number) for number in range(count)]
        await send(text("all"))

    async with connect(from_asgi(app), "/", runtime_mode=runtime_mode) as peer:
        for number in range(count):
            await peer.send_text(str(number))
            if chance.random() < 0.3:
                await asyncio.sleep(0)
        assert await peer.receive_text() == "all"


@pytest.mark.parametrize("runtime_mode", ["st", "mt"])
async def test_order_of_sends_of_many_tasks(runtime_mode: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(send(text(str(number))))

    async with connect(from_asgi(app), "/", runtime_mode=runtime_mode) as peer:
        assert [await peer.receive_text() for _ in range(300)] == [str(number) for number in range(300)]


async def test_an_app_that_only_sends_keeps_the_peer_answered() -> None:
    gone = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        while (error := await outcome(send(text("tick")))) is None:
            await asyncio.sleep(0.001)
        assert isinstance(error, OSError) and "closed by the peer" in str(error)
        gone.set()

    async with connect(from_asgi(app), "/") as peer:
        await peer.ping()
        await peer.close()
        await peer.wait_close_answered(1)
        async with asyncio.timeout(1):
            await gone.wait()


# -- the end --


@pytest.mark.parametrize(
    ("how", "code"), [("close", 1005), ("abort", 1006), ("hang_up", 1006)], ids=["close", "reset", "fin"]
)
async def test_the_peers_end_is_told_after_its_messages_as_often_as_asked(how: str, code: int) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        seen.extend([await receive() for _ in range(4)])
        seen.append(await outcome(send(text("late"))))
        seen.append(await outcome(send(CLOSE)))

    async with connect(from_asgi(app), "/") as peer:
        await peer.send_text("last")
        await getattr(peer, how)()
    end = {"type": "websocket.disconnect", "code": code, "reason": ""}
    assert seen[:4] == [{"type": "websocket.receive", "text": "last"}, end, end, end]
    assert isinstance(seen[4], ConnectionClosed) and isinstance(seen[4], OSError)
    assert seen[5] is None


@pytest.mark.parametrize("code", [1000, 4001, None])
async def test_the_apps_close(code: int | None, caplog: pytest.LogCaptureFixture) -> None:
    """A loss: the peer sees no code. The app is told its own."""
    caplog.set_level(logging.DEBUG, "anysocket")
    close = {"type": "websocket.close", "code": code, "reason": "bye"}
    app, seen = playing(ACCEPT, text("before"), close, text("after"), close)
    async with connect(app, "/") as peer:
        assert await peer.receive_text() == "before"
        assert (await peer.receive_close()).code == 1005
        assert await peer.wait_ended(), "the peer's answer was left unread: a reset"
    assert seen[:3] == [None] * 3
    for error in seen[3:5]:
        assert isinstance(error, RuntimeError) and "closed or refused" in str(error)
    assert seen[5] == {"type": "websocket.disconnect", "code": code or 1000, "reason": "bye"}
    assert "cannot carry all of close" in caplog.text


async def test_returning_closes() -> None:
    app, _ = playing(ACCEPT)
    async with connect(app, "/") as peer:
        await peer.send_text("the last one that is received")
        assert (await peer.receive_close()).code == 1005
        assert await peer.wait_ended()


async def test_raising_closes_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        try:
            await receive()
        finally:
            raise ZeroDivisionError("secret")

    async with connect(from_asgi(app), "/a%0Ab") as peer:
        await peer.send_text("1")
        assert (await peer.receive_close()).code == 1005
    assert "serving the WebSocket to /a%0Ab" in caplog.text and "ZeroDivisionError: secret" in caplog.text


async def test_an_app_that_lets_the_end_out_has_not_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(ACCEPT)
        await receive()
        await send(text("late"))

    caplog.set_level(logging.DEBUG, "anysocket")
    async with connect(from_asgi(app), "/") as peer:
        await peer.close()
    assert "ended: connection closed by the peer" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_exit_in_an_app_leaves_an_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    assert await refusal(from_asgi(app)) == 500


# -- the handshake --


@pytest.mark.parametrize("code", [None, 1000, 1008, 4001, 99999])
async def test_close_before_accept_is_403(code: int | None) -> None:
    app, seen = playing({**CLOSE, "code": code, "reason": "x" * 200}, ACCEPT, text("1"), CLOSE)
    assert await refusal(app) == 403
    assert seen[0] is None and all(isinstance(error, RuntimeError) for error in seen[1:4])
    assert seen[4] == LOST


@pytest.mark.parametrize("status", [200, 302, 401, 404, 503, 599, 999])
async def test_a_refusal_has_its_status(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """A loss: its headers and body are dropped."""
    caplog.set_level(logging.DEBUG, "anysocket")
    start = {**START, "status": status, "headers": [(b"x-a", b"1")]}
    app, seen = playing(start, {**BODY, "body": b"1", "more_body": True}, {**BODY, "body": b"2"}, ACCEPT)
    assert await refusal(app) == status
    assert seen[:3] == [None] * 3 and isinstance(seen[3], RuntimeError)
    assert seen[4] == LOST
    assert "the headers of a refusal" in caplog.text and "the body of a refusal" in caplog.text


@pytest.mark.parametrize("status", [0, 99, 101, 199, 1000, -1, "404", None])
async def test_a_status_that_would_end_granian_is_an_error(status: Any) -> None:
    app, seen = playing({**START, "status": status}, CLOSE)
    assert await refusal(app) == 403
    assert isinstance(seen[0], ValueError)


@pytest.mark.parametrize("messages", [[], [START], [START, {**BODY, "more_body": True}]])
async def test_returning_without_an_answer_is_500(messages: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    assert await refusal(from_asgi(app), "/x") == 500
    assert "returned without accepting or refusing the WebSocket to /x" in caplog.text


async def test_raising_before_an_answer_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("secret")

    assert await refusal(from_asgi(app), "/x") == 500
    assert "exception in the ASGI app serving the WebSocket to /x" in caplog.text
    assert "ZeroDivisionError: secret" in caplog.text


@pytest.mark.parametrize(
    ("messages", "after"),
    [
        ([text("1")], "waits for its answer"),
        ([BODY], "waits for its answer"),
        ([{"type": "http.response.start"}], "waits for its answer"),
        ([START, ACCEPT], "http.response.start"),
        ([START, START], "http.response.start"),
        ([START, CLOSE], "http.response.start"),
        ([ACCEPT, ACCEPT], "was accepted"),
        ([ACCEPT, START], "was accepted"),
        ([ACCEPT, {"type": "websocket.nonsense"}], "was accepted"),
        ([ACCEPT, CLOSE, ACCEPT], "closed or refused"),
    ],
)
async def test_messages_that_do_not_fit(messages: Any, after: str) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            seen.append(await outcome(send(message)))

    with contextlib.suppress(Refused):
        async with connect(from_asgi(app), "/"):
            pass
    assert [type(each) for each in seen[: len(messages) - 1]] == [type(None)] * (len(messages) - 1)
    error = seen[len(messages) - 1]
    assert isinstance(error, RuntimeError) and after in str(error)


async def test_two_accepts_at_once() -> None:
    """On raw RSGI the second would end the process."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.extend(await asyncio.gather(outcome(send(ACCEPT)), outcome(send(ACCEPT)), outcome(send(CLOSE))))
        await receive()

    async with connect(from_asgi(app), "/"):
        pass
    assert seen[0] is None
    assert all(isinstance(error, RuntimeError) and "under way" in str(error) for error in seen[1:])


@pytest.mark.parametrize("fails", [False, True])
async def test_an_app_that_ends_while_its_accept_is_under_way(fails: bool) -> None:
    """The connection opens when the app is gone already, and is closed."""
    accepting: list[asyncio.Task[Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        accepting.append(asyncio.create_task(send(ACCEPT)))
        await asyncio.sleep(0)
        if fails:
            raise ZeroDivisionError

    async with connect(from_asgi(app), "/") as peer:
        assert (await peer.receive_close()).code == 1005
        assert await peer.wait_ended()
    await accepting[0]


async def test_receiving_before_the_answer_is_told_of_a_refusal() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        receiving = asyncio.create_task(receive())
        await asyncio.sleep(0)
        await send(CLOSE)
        seen.append(await receiving)

    assert await refusal(from_asgi(app)) == 403
    assert seen == [LOST]


async def test_a_receive_that_outlives_the_app_ends() -> None:
    receiving: list[asyncio.Task[Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        receiving.append(asyncio.create_task(receive()))
        await asyncio.sleep(0)

    assert await refusal(from_asgi(app)) == 500
    assert await receiving[0] == LOST


async def test_a_peer_that_left_during_the_handshake() -> None:
    seen: list[Any] = []
    go_on, done = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await go_on.wait()
        seen.extend([await outcome(send(ACCEPT)), await receive(), await outcome(send(text("1")))])
        done.set()

    async def peer() -> None:
        async with connect(from_asgi(app), "/"):
            raise AssertionError("accepted")

    connecting = asyncio.create_task(peer())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(go_on.set)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    async with asyncio.timeout(5):
        await done.wait()
    assert isinstance(seen[0], OSError) and isinstance(seen[2], OSError)
    assert seen[1]["type"] == "websocket.disconnect" and seen[1]["code"] == 1006


# -- what RSGI cannot carry --

UNSUPPORTED = [
    ({"subprotocol": "chat"}, "the subprotocol 'chat'"),
    ({"headers": [(b"x-a", b"1")]}, "the headers"),
]


@pytest.mark.parametrize(("part", "named"), UNSUPPORTED)
async def test_what_rsgi_cannot_carry_is_an_error_with_the_way_out(part: Any, named: str) -> None:
    app, seen = playing({**ACCEPT, **part}, CLOSE)
    assert await refusal(app) == 403
    assert isinstance(seen[0], UnsupportedByTransport)
    for said in (named, "Granian RSGI", "granian --interface asgi", "on_unsupported='ignore'"):
        assert said in str(seen[0])


@pytest.mark.parametrize(("part", "named"), UNSUPPORTED)
async def test_what_rsgi_cannot_carry_can_be_ignored(
    part: Any, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning for the app, a debug line for each connection."""
    caplog.set_level(logging.DEBUG, "anysocket")

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({**ACCEPT, **part})
        await receive()

    app = from_asgi(asgi, on_unsupported="ignore")
    for _ in range(3):
        async with connect(app, "/", subprotocols=["chat"]) as peer:
            assert peer.subprotocol is None
    dropped = [record for record in caplog.records if "dropped" in record.message and named in record.message]
    assert [record.levelname for record in dropped] == ["WARNING", "DEBUG", "DEBUG"]


@pytest.mark.parametrize("part", [{"subprotocol": None}, {"headers": []}, {"headers": None}, {}])
async def test_an_accept_with_nothing_in_it(part: Any) -> None:
    app, seen = playing({**ACCEPT, **part})
    async with connect(app, "/"):
        pass
    assert seen[0] is None


def test_on_unsupported_has_two_values() -> None:
    with pytest.raises(ValueError, match="must be 'error' or 'ignore'"):
        from_asgi(echo, on_unsupported="warn")  # type: ignore[arg-type]


@pytest.mark.parametrize("app", [None, "module:app", 1])
def test_an_app_can_be_called(app: Any) -> None:
    with pytest.raises(TypeError, match="takes an ASGI app"):
        from_asgi(app)


async def test_the_result_is_still_the_asgi_app() -> None:
    calls: list[Any] = []

    async def app(*arguments: Any) -> None:
        calls.append(arguments)

    await from_asgi(app)({"type": "http"}, 1, 2)
    assert calls == [({"type": "http"}, 1, 2)]
