"""Testing without sockets: what users' own tests rely on."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from anysocket import Address, App, Capability, ConnectionClosed, Denied, Message, Scope, WebSocket
from anysocket.testing import MemoryTransport, Peer, Refused, connect
from core.fake_transport import soon

app = App(max_message_bytes=100)


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept(headers={"x-greeting": "hello"})
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/say")
async def say(websocket: WebSocket) -> None:
    """Says what the query asks for, then waits for the end."""
    await websocket.accept()
    for text in websocket.query_params.getlist("text"):
        await websocket.send_text(text)
    for text in websocket.query_params.getlist("bytes"):
        await websocket.send_bytes(text.encode())
    if code := websocket.query_params.get("close"):
        await websocket.close(int(code), "as asked")
    await websocket.wait_closed()


@app.websocket("/silent")
async def silent(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.wait_closed()


ended: list[Message | ConnectionClosed] = []


@app.websocket("/ended")
async def note_the_end(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        ended.append(await websocket.receive())
    except ConnectionClosed as closed:
        ended.append(closed)


# -- messages --


async def test_messages_go_both_ways() -> None:
    async with connect(app, "/echo") as peer:
        await peer.send_text("é")
        assert await peer.receive_text() == "é"
        await peer.send_bytes(b"\x00")
        assert await peer.receive_bytes() == b"\x00"
        await peer.send_json({"a": [1]})
        assert await peer.receive_json() == {"a": [1]}
        await peer.send_text("")
        assert await peer.receive() == Message("text", "")
        assert list(peer.response_headers) == [(b"x-greeting", b"hello")]


async def test_the_handshake_is_what_the_test_says() -> None:
    seen: list[WebSocket] = []
    own = App(allowed_origins="*")

    @own.websocket("/rooms/<room>")
    async def handler(websocket: WebSocket, room: str) -> None:
        seen.append(websocket)
        await websocket.accept("chat")

    headers: list[tuple[str | bytes, str | bytes]] = [
        ("cookie", "user=ann"),
        (b"origin", b"https://example.com"),
    ]
    async with connect(own, "/rooms/a%20b?x=1", headers=headers, subprotocols=["soap", "chat"]) as peer:
        assert peer.subprotocol == "chat"
    scope = seen[0].scope
    assert (scope.path, scope.raw_path, scope.query_string) == ("/rooms/a b", b"/rooms/a%20b", b"x=1")
    assert scope.path_params == {"room": "a b"}
    assert (scope.client, scope.server) == (Address("127.0.0.1", 50000), Address("testserver", 80))
    assert scope.subprotocols == ("soap", "chat")
    assert seen[0].cookies == {"user": "ann"}
    assert seen[0].url == "ws://testserver/rooms/a%20b?x=1"


async def test_host_and_client_may_be_others() -> None:
    seen: list[WebSocket] = []
    own = App()

    @own.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        seen.append(websocket)
        await websocket.accept()

    async with connect(own, "/", headers={"Host": "example.com"}, client=("192.0.2.1", 1)):
        pass
    async with connect(own, "/", client=None):
        pass
    assert [websocket.client for websocket in seen] == [Address("192.0.2.1", 1), None]
    assert seen[0].headers.getlist("host") == ["example.com"]


async def test_a_refusal_is_raised_with_its_response() -> None:
    own = App()

    @own.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        raise Denied(401, {"WWW-Authenticate": "Bearer"}, "who are you?")

    with pytest.raises(Refused, match="HTTP status 401") as refused:
        async with connect(own, "/"):
            pytest.fail("it was accepted")
    assert refused.value.status == 401
    assert list(refused.value.headers) == [(b"www-authenticate", b"Bearer")]
    assert refused.value.body == b"who are you?"


# -- the end --


async def test_a_close_of_the_peer_reaches_the_app() -> None:
    ended.clear()
    async with connect(app, "/ended") as peer:
        await peer.close(4001, "bye")
        await peer.close(4002, "again")
        with pytest.raises(ConnectionClosed) as closed:
            await peer.send_text("too late")
        assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "us")
        assert await peer.receive() == Message("close", "bye", 4001, "bye"), "the app's answer"
        for call in (peer.receive(), peer.receive_close()):
            with pytest.raises(ConnectionClosed) as closed:
                await call
            assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "us")
    assert ended == [Message("close", "bye", 4001, "bye")]


async def test_what_was_on_its_way_is_received_after_a_close_of_the_peer() -> None:
    async with connect(app, "/say?text=first&text=last") as peer:
        assert await peer.receive_text() == "first"
        await peer.close(4001)
        assert await peer.receive_text() == "last"
        assert (await peer.receive_close()).code == 4001


async def test_send_takes_text_and_bytes() -> None:
    async with connect(app, "/echo") as peer:
        for message in (Message("text", ""), Message("bytes", b"")):
            await peer.send(message.data)
            assert await peer.receive() == message


async def test_a_close_that_no_client_could_send_is_the_tests_mistake() -> None:
    async with connect(app, "/echo") as peer:
        with pytest.raises(ValueError, match="must not be sent"):
            await peer.close(1005)


async def test_a_vanished_peer_is_lost_to_the_app() -> None:
    ended.clear()
    async with connect(app, "/ended") as peer:
        await peer.abort()
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert closed.value.code == 1006
    (end,) = ended
    assert isinstance(end, ConnectionClosed)
    assert (end.code, end.by) == (1006, "lost")


async def test_leaving_the_block_is_a_close_with_1000() -> None:
    ended.clear()
    async with connect(app, "/ended"):
        pass
    assert ended == [Message("close", "", 1000)]


async def test_a_close_of_the_app_comes_once_and_is_answered() -> None:
    async with connect(app, "/say?text=last&close=4001") as peer:
        assert await peer.receive_text() == "last"
        close = await peer.receive_close()
        assert (close.type, close.code, close.reason) == ("close", 4001, "as asked")
        for call in (peer.receive(), peer.send_text("too late")):
            with pytest.raises(ConnectionClosed) as closed:
                await call
            assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "as asked", "peer")


async def test_a_message_may_cross_the_close_of_the_app() -> None:
    async with connect(app, "/say?close=4001") as peer:
        await peer.send_text("sent before the close was read")
        assert (await peer.receive_close()).code == 4001


# -- what a failing test says --


@pytest.mark.parametrize(
    ("path", "method", "says"),
    [
        ("/say?bytes=a", "receive_text", "expected a text message, bytes b'a' came"),
        ("/say?text=a", "receive_bytes", "expected a binary message, text 'a' came"),
        ("/say?text=a", "receive_close", "expected a close, text 'a' came"),
        ("/say?text=a", "receive_nothing", "expected nothing, text 'a' came"),
        ("/say?text=%7B", "receive_json", "expected JSON, '{' came: Expecting"),
        (
            "/say?close=4001",
            "receive_text",
            "expected a text message, a close with code 4001 'as asked' came",
        ),
        ("/say?close=4001", "receive_bytes", "a binary message, a close with code 4001 'as asked' came"),
        ("/say?close=4001", "receive_nothing", "expected nothing, a close with code 4001 'as asked' came"),
        ("/silent", "receive", "expected a message within 0.02 s, nothing came"),
        ("/silent", "receive_text", "expected a text message within 0.02 s, nothing came"),
        ("/silent", "receive_bytes", "expected a binary message within 0.02 s, nothing came"),
        ("/silent", "receive_json", "expected a text message within 0.02 s, nothing came"),
        ("/silent", "receive_close", "expected a close within 0.02 s, nothing came"),
    ],
)
async def test_a_failure_says_what_was_expected_and_what_came(path: str, method: str, says: str) -> None:
    async with connect(app, path) as peer:
        peer.timeout = 0.02
        with pytest.raises(AssertionError, match=re.escape(says)):
            await getattr(peer, method)()


async def test_each_wait_may_have_a_bound_of_its_own() -> None:
    async with connect(app, "/silent") as peer:
        with pytest.raises(AssertionError, match=re.escape("within 0.01 s")):
            await peer.receive(timeout=0.01)
        await peer.receive_nothing(0.01)


async def test_a_lost_connection_is_named() -> None:
    async with connect(app, "/silent") as peer:
        await peer.abort()
        with pytest.raises(AssertionError, match="expected nothing, the loss of the connection came"):
            await peer.receive_nothing()


async def flood(peer: Peer) -> None:
    for _ in range(1000):
        await peer.send_text("x")


async def test_an_app_that_does_not_read_holds_the_peer_back_and_fails_the_test() -> None:
    enough = asyncio.Event()
    own = App()

    @own.websocket("/")
    async def deaf(websocket: WebSocket) -> None:
        await websocket.accept()
        await enough.wait()

    async with connect(own, "/", timeout=0.02) as peer:
        with pytest.raises(AssertionError, match="expected the app to take Message"):
            await flood(peer)
        enough.set()


async def test_a_peer_that_does_not_read_holds_the_app_back() -> None:
    progress: list[int] = []
    own = App()

    @own.websocket("/")
    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        for number in range(1000):
            await websocket.send_text("x")
            progress.append(number)

    async with connect(own, "/") as peer:
        await peer.receive_text()
        assert 0 < len(progress) < 100
        for _ in range(999):
            await peer.receive_text()
        assert (await peer.receive_close()).code == 1000


async def test_a_handler_that_answers_no_handshake_fails_the_test() -> None:
    own = App()

    @own.websocket("/")
    async def undecided(websocket: WebSocket) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(AssertionError, match=re.escape("expected accept() or deny() within 0.02 s")):
        async with connect(own, "/", timeout=0.02):
            pytest.fail("it was accepted")


async def test_a_handler_that_outlives_its_peer_fails_the_test_and_is_stopped() -> None:
    stopped = asyncio.Event()
    own = App()

    @own.websocket("/")
    async def leaky(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            stopped.set()

    with pytest.raises(AssertionError, match=r"to end within 0\.02 s of its peer's close"):
        async with connect(own, "/", timeout=0.02):
            pass
    assert stopped.is_set()


async def test_a_handler_that_cannot_be_stopped_does_not_hang_the_test() -> None:
    release = asyncio.Event()
    own = App()

    @own.websocket("/")
    async def stubborn(websocket: WebSocket) -> None:
        await websocket.accept()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(AssertionError, match="it goes on"):
        async with asyncio.timeout(5), connect(own, "/", timeout=0.02):
            pass
    release.set()


async def test_an_error_in_the_body_is_not_masked_by_a_handler_that_goes_on() -> None:
    own = App()

    @own.websocket("/")
    async def leaky(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.get_running_loop().create_future()

    with pytest.raises(ZeroDivisionError):
        async with connect(own, "/"):
            _ = 1 // 0


# -- playing weaker servers --


@pytest.mark.parametrize(
    ("lacking", "code", "reason"),
    [
        (Capability(0), 4001, "as asked"),
        (Capability.CLOSE_CODE, 1005, "as asked"),
        (Capability.CLOSE_REASON, 4001, ""),
        (Capability.CLOSE_CODE | Capability.CLOSE_REASON, 1005, ""),
    ],
)
async def test_a_weaker_server_loses_our_code_and_reason(lacking: Capability, code: int, reason: str) -> None:
    """Contract section 8."""
    async with connect(app, "/say?close=4001", capabilities=~lacking) as peer:
        close = await peer.receive_close()
    assert (close.code, close.reason) == (code, reason)


@pytest.mark.parametrize(
    ("lacking", "close"),
    [
        (Capability.PEER_CLOSE_CODE, Message("close", "bye", 1005, "bye")),
        (Capability.PEER_CLOSE_REASON, Message("close", "", 4001, "")),
        (Capability.PEER_CLOSE_CODE | Capability.PEER_CLOSE_REASON, Message("close", "", 1005, "")),
    ],
)
async def test_a_weaker_server_does_not_tell_the_peers(lacking: Capability, close: Message) -> None:
    ended.clear()
    async with connect(app, "/ended", capabilities=~lacking) as peer:
        await peer.close(4001, "bye")
    assert ended == [close]


async def test_a_weaker_server_cannot_tell_a_lost_peer_from_a_close() -> None:
    ended.clear()
    async with connect(app, "/ended", capabilities=~Capability.LOST_IS_1006) as peer:
        await peer.abort()
    assert ended == [Message("close", "", 1005)]


async def test_a_weaker_server_does_not_let_the_app_wait_for_a_slow_peer() -> None:
    own = App()

    @own.websocket("/")
    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        for _ in range(1000):
            await websocket.send_text("x")
        flooded.set()
        await websocket.wait_closed()

    flooded = asyncio.Event()
    async with connect(own, "/", capabilities=~Capability.BACKPRESSURE):
        await soon(flooded.wait())


async def test_a_weaker_server_refuses_without_a_body_and_accepts_without_headers() -> None:
    own = App()

    @own.websocket("/deny")
    async def deny(websocket: WebSocket) -> None:
        await websocket.deny(429, {"retry-after": "5"}, "slow down")

    own.websocket("/echo")(echo)
    with pytest.raises(Refused) as refused:
        async with connect(own, "/deny", capabilities=Capability(0)):
            pass
    assert (refused.value.status, list(refused.value.headers), refused.value.body) == (429, [], b"")
    with pytest.raises(Refused) as refused:
        async with connect(own, "/echo", capabilities=Capability(0)):
            pass
    assert refused.value.status == 500


# -- a peer that leaves during the handshake --


@pytest.mark.parametrize("answers", ["accept", "deny"])
async def test_a_peer_may_leave_before_it_is_answered(answers: str) -> None:
    outcome: list[Any] = []
    own = App()

    @own.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        transport.answer.cancel()
        try:
            await getattr(websocket, answers)()
        except ConnectionClosed as closed:
            outcome.append((closed.code, closed.by))

    transport = MemoryTransport(Scope("/"), Capability(0), 1.0)
    await soon(own.serve(transport))
    assert outcome == ([(1006, "lost")] if answers == "accept" else [])
