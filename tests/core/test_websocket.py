"""The WebSocket that handlers hold: handshake, end, capabilities (contract sections 2, 3, 5 and 8)."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from anysocket import (
    Address,
    App,
    Capability,
    ConnectionClosed,
    Scope,
    UnsupportedByTransport,
    WebSocket,
    WebSocketManager,
    WebSocketStateError,
)
from core.fake_transport import EVERYTHING, FakeTransport, accepted, settle, soon

NOTHING = Capability(0)


@pytest.fixture
def short_close_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anysocket._websocket.CLOSE_TIMEOUT", 0.05)


# -- what it tells --


async def test_it_tells_what_the_peer_asked_for() -> None:
    transport = FakeTransport("/rooms/a", headers=((b"host", b"example.com"), (b"cookie", b"user=ann")))
    transport.scope.query_string = b"x=1&x=2"
    transport.scope.path_params = {"room": "a"}
    transport.scope.state.database = "open"
    websocket = WebSocket(transport)
    assert websocket.scope is transport.scope
    assert websocket.headers.get("host") == "example.com"
    assert websocket.query_params.getlist("x") == ["1", "2"]
    assert websocket.path_params == {"room": "a"}
    assert websocket.cookies == {"user": "ann"}
    assert websocket.client == Address("192.0.2.7", 4711)
    assert websocket.url == "ws://example.com/rooms/a?x=1&x=2"
    assert websocket.state.database == "open"
    assert websocket.capabilities == EVERYTHING


async def test_each_has_a_unique_id_and_shows_where_it_is() -> None:
    first, second = WebSocket(FakeTransport("/a")), WebSocket(FakeTransport("/a"))
    assert first.id != second.id
    assert repr(first) == f"<WebSocket '/a' {first.id[:8]} connecting>"


async def test_any_attribute_can_be_set() -> None:
    """Contract section 2."""
    websocket = WebSocket(FakeTransport())
    websocket.user = "ann"
    assert websocket.user == "ann"


# -- accept --


async def test_accept_answers_the_handshake() -> None:
    transport = FakeTransport(subprotocols=("chat", "soap"))
    websocket = WebSocket(transport)
    assert websocket.subprotocol is None
    await websocket.accept("soap", {"X-A": "1"})
    assert transport.answer == ("accept", "soap", [(b"x-a", b"1")])
    assert websocket.subprotocol == "soap"
    assert not websocket.closed


async def test_accepting_twice_is_misuse_and_the_server_never_hears_of_it() -> None:
    """Contract 3.5: on raw RSGI it would end the server's process."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    with pytest.raises(WebSocketStateError, match="accept\\(\\) is not possible while the WebSocket is open"):
        await websocket.accept()
    await websocket.send_text("still open")
    assert transport.sent == ["still open"]


async def test_a_subprotocol_that_was_not_offered_is_refused() -> None:
    """Contract 3.7: servers disagree, some send it, some cut the connection."""
    transport = FakeTransport(subprotocols=("chat",))
    websocket = WebSocket(transport)
    with pytest.raises(ValueError, match="'soap' was not offered by the peer, which offered 'chat'"):
        await websocket.accept("soap")
    with pytest.raises(ValueError, match="which offered none"):
        await WebSocket(FakeTransport()).accept("chat")
    assert transport.answer is None


@pytest.mark.parametrize(
    ("ours", "offered", "agreed"),
    [
        (("v2", "v1"), ("v1", "v2"), "v2"),
        (("v3", "v1"), ("v1", "v2"), "v1"),
        (("v3",), ("v1",), None),
        (("v1",), (), None),
        ((), ("v1",), None),
    ],
)
async def test_the_first_of_ours_that_is_offered_is_agreed_on(
    ours: tuple[str, ...], offered: tuple[str, ...], agreed: str | None
) -> None:
    """Contract 3.7."""
    transport = FakeTransport(subprotocols=offered)
    websocket = await accepted(transport, subprotocols=ours)
    assert transport.answer == ("accept", agreed, [])
    assert websocket.subprotocol == agreed


async def test_a_peer_that_leaves_during_accept_is_lost() -> None:
    transport = FakeTransport()
    transport.accept_fails_with = ConnectionClosed(1006, "the peer left", "lost")
    websocket = WebSocket(transport)
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.accept()
    assert (closed.value.code, closed.value.by) == (1006, "lost")
    assert websocket.closed
    await soon(websocket.wait_closed())
    for call in (websocket.accept(), websocket.deny(), websocket.send_text("a"), websocket.receive()):
        with pytest.raises(ConnectionClosed):
            await call
    await websocket.close()
    assert transport.receives == 0


async def test_a_cancelled_accept_ends_the_connection() -> None:
    """Nobody knows whether the peer was answered, so nothing more can be said."""
    transport = FakeTransport()
    transport.accept_waits_for = asyncio.get_running_loop().create_future()
    websocket = WebSocket(transport)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await websocket.accept()
    assert websocket.closed
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.accept()
    assert (closed.value.code, closed.value.by) == (1006, "us")
    await soon(websocket.wait_closed())


# -- deny --


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 599])
async def test_a_refusal_is_an_http_response(status: int) -> None:
    """Contract 3.2."""
    transport = FakeTransport()
    websocket = WebSocket(transport)
    waiting = asyncio.create_task(websocket.wait_closed())
    await settle()
    await websocket.deny(status, {"Retry-After": "5"}, "né")
    assert transport.answer == ("deny", status, [(b"retry-after", b"5")], "né".encode())
    assert websocket.closed
    await soon(waiting)


@pytest.mark.parametrize("status", [0, 99, 101, 200, 302, 399, 600, 1000, 1008, -1, "403", None, 403.0])
async def test_a_refusal_with_any_other_status_is_an_error_and_never_sent(status: Any) -> None:
    """Contract 3.5: some of them end a server's process."""
    transport = FakeTransport()
    websocket = WebSocket(transport)
    with pytest.raises(ValueError, match="from 400 to 599"):
        await websocket.deny(status)
    assert transport.answer is None
    await websocket.deny()
    assert transport.answer == ("deny", 403, [], b"")


async def test_a_refusal_can_be_sent_once_and_only_before_accept() -> None:
    denied = WebSocket(FakeTransport())
    await denied.deny()
    for call in (denied.deny(), denied.accept()):
        with pytest.raises(WebSocketStateError, match="while the WebSocket is denied"):
            await call
    with pytest.raises(WebSocketStateError, match="deny\\(\\) is not possible while the WebSocket is open"):
        await (await accepted(FakeTransport())).deny()


async def test_a_close_before_accept_is_a_refusal_whatever_the_code() -> None:
    """Contract 3.2."""
    transport = FakeTransport()
    websocket = WebSocket(transport)
    await websocket.close(4001, "no")
    assert transport.answer == ("deny", 403, [], b"")
    await websocket.close()
    assert transport.close_frame is None


# -- close --


async def test_a_close_is_sent_once() -> None:
    """Contract 5.4: closing twice is no error, and the first one counts."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    await websocket.close(4001, "bye")
    await websocket.close(4002, "again")
    assert transport.close_frame == (4001, "bye")
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.send_text("more")
    assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "us")


async def test_two_tasks_that_close_both_return_when_it_is_sent() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("before"))
    await settle()
    closers = [asyncio.create_task(websocket.close(4000 + number)) for number in range(2)]
    await settle()
    assert not any(closer.done() for closer in closers)
    transport.let_sends_go()
    await soon(asyncio.gather(sender, *closers))
    assert transport.close_frame == (4000, "")


async def test_closing_after_the_peers_end_does_nothing() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.peer_closes()
    await settle()
    await websocket.close(4000)
    assert transport.close_frame is None
    for call in (websocket.accept(), websocket.deny()):
        with pytest.raises(ConnectionClosed):
            await call


async def test_waiting_for_the_end_waits_for_the_peers_answer() -> None:
    """Any number of tasks may wait, and one that is cancelled disturbs no other."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    waiting = [asyncio.create_task(websocket.wait_closed()) for _ in range(3)]
    await websocket.close()
    waiting[0].cancel()
    await settle()
    assert [task.done() for task in waiting] == [True, False, False]
    transport.peer_closes()
    await soon(asyncio.gather(*waiting[1:]))
    await soon(websocket.wait_closed())


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_peer_that_never_answers_a_close_is_dropped() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    await websocket.close(4000)
    await soon(websocket.wait_closed())
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.receive()
    assert (closed.value.code, closed.value.by) == (4000, "us")


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_peer_that_takes_nothing_more_is_dropped_without_a_close_frame(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    stuck = asyncio.create_task(websocket.send_text("stuck"))
    await settle()
    with caplog.at_level(logging.DEBUG):
        await soon(websocket.close(4000))
    await soon(websocket.wait_closed())
    assert transport.close_frame is None
    assert "takes nothing more" in caplog.text
    with pytest.raises(ConnectionClosed):
        await soon(stuck)
    assert transport.close_frame is None


class Abortable(FakeTransport):
    """Of a server that would keep TCP until its peer has read all."""

    aborted = False

    def abort(self) -> None:
        assert self.released
        self.aborted = True


@pytest.mark.usefixtures("short_close_timeout")
@pytest.mark.parametrize("takes_the_close", [True, False])
@pytest.mark.parametrize("http_version", ["1.1", "2"])
async def test_tcp_ends_with_the_time_for_a_close_unless_others_use_it(
    takes_the_close: bool, http_version: str
) -> None:
    transport = Abortable()
    transport.scope.http_version = http_version
    websocket = await accepted(transport)
    manager = WebSocketManager(max_outbox_messages=1)
    manager.add_connection("slow", websocket)
    transport.hold_sends()
    for data in "abc":
        await manager.broadcast_to_all(data)
    if takes_the_close:
        transport.let_sends_go()
    await soon(websocket.wait_closed())
    await settle()
    assert (transport.close_frame == (1013, "slow consumer")) == takes_the_close
    assert transport.aborted == (http_version == "1.1")


@pytest.mark.usefixtures("short_close_timeout")
async def test_tcp_is_left_to_the_server_where_the_peer_answers_the_close() -> None:
    transport = Abortable()
    websocket = await accepted(transport)
    await websocket.close()
    transport.peer_closes()
    await soon(websocket.wait_closed())
    await asyncio.sleep(0.1)  # Longer than the timeout.
    assert not transport.aborted


@pytest.mark.usefixtures("short_close_timeout")
async def test_what_was_queued_for_a_dropped_peer_is_never_sent() -> None:
    """The server's objects are gone by then."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    manager = WebSocketManager()
    manager.add_connection("slow", websocket)
    transport.hold_sends()
    assert await manager.broadcast_to_all("stuck") == 1
    assert await manager.broadcast_to_all("queued") == 1
    await soon(websocket.close(4000))
    await soon(websocket.wait_closed())
    transport.let_sends_go()
    await settle()
    assert transport.sent in ([], ["stuck"])


@pytest.mark.usefixtures("short_close_timeout")
async def test_a_server_that_is_stuck_in_its_close_is_given_up() -> None:
    transport = FakeTransport()

    async def stuck(code: int, reason: str) -> None:
        await asyncio.get_running_loop().create_future()

    transport.close = stuck  # type: ignore[method-assign]
    websocket = await accepted(transport)
    await soon(websocket.close())
    await soon(websocket.wait_closed())


async def test_a_loss_in_the_middle_of_a_close_ends_it() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("before"))
    await settle()
    closing = asyncio.create_task(websocket.close(4000))
    await settle()
    transport.peer_is_lost()
    await settle()
    await soon(websocket.wait_closed())
    with pytest.raises(ConnectionClosed):
        await soon(sender)
    await soon(closing)


async def test_an_ended_connection_is_freed_at_once() -> None:
    """RSGI ends TCP only when its objects are freed, so no timer and no task may keep them."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()

    app = App()
    app.websocket("/")(handler)
    transport = FakeTransport()
    gone = weakref.ref(transport)
    await app.serve(transport)
    del transport
    await settle()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("end", ["peer_closes", "peer_is_lost"])
async def test_the_server_is_let_go_when_the_peer_ends_it_though_the_handler_goes_on(end: str) -> None:
    """Contract 4.6: the peer's close is answered at once."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    await settle()
    assert not transport.released
    getattr(transport, end)()
    await soon(websocket.wait_closed())
    assert transport.released


async def test_the_server_is_kept_until_the_peer_has_answered_our_close() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    await websocket.close()
    await settle()
    assert not transport.released
    transport.peer_closes()
    await soon(websocket.wait_closed())
    assert transport.released


# -- what the server cannot do --


@pytest.mark.parametrize(
    ("capability", "arguments"),
    [(Capability.SUBPROTOCOL, {"subprotocol": "chat"}), (Capability.ACCEPT_HEADERS, {"headers": {"x": "y"}})],
)
async def test_what_the_server_cannot_answer_is_refused_loudly(
    capability: Capability, arguments: dict[str, Any]
) -> None:
    """Contract section 8: naming the server, the capability and what to do."""
    transport = FakeTransport(capabilities=EVERYTHING & ~capability, subprotocols=("chat",))
    websocket = WebSocket(transport)
    with pytest.raises(UnsupportedByTransport) as unsupported:
        await websocket.accept(**arguments)
    text = str(unsupported.value)
    assert "the fake server" in text and f"Capability.{capability.name}" in text and "use a real one" in text
    await websocket.accept()
    assert transport.answer == ("accept", None, [])


async def test_a_negotiated_subprotocol_needs_the_capability_too() -> None:
    transport = FakeTransport(capabilities=NOTHING, subprotocols=("chat",))
    with pytest.raises(UnsupportedByTransport, match="'chat'"):
        await WebSocket(transport, subprotocols=("chat",)).accept()


async def test_headers_and_body_of_a_refusal_are_dropped_where_they_cannot_be_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = FakeTransport(capabilities=NOTHING)
    with caplog.at_level(logging.DEBUG, "anysocket"):
        await WebSocket(transport).deny(429, {"retry-after": "5"}, b"slow down")
    assert transport.answer == ("deny", 429, [], b"")
    (line,) = caplog.messages
    assert "the fake server" in line


@pytest.mark.parametrize(
    ("lacking", "code", "reason", "lines"),
    [
        (Capability.CLOSE_CODE, 4000, "", 1),
        (Capability.CLOSE_CODE, 1000, "", 0),
        (Capability.CLOSE_REASON, 1000, "bye", 1),
        (Capability.CLOSE_CODE | Capability.CLOSE_REASON, 4000, "bye", 1),
        (Capability.CLOSE_REASON, 1000, "", 0),
        (Capability.CLOSE_REASON, 4000, "", 0),
        (NOTHING, 4000, "bye", 0),
    ],
)
async def test_a_code_or_reason_that_cannot_be_sent_is_dropped_with_one_debug_line(
    lacking: Capability, code: int, reason: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract section 8."""
    websocket = await accepted(FakeTransport(capabilities=EVERYTHING & ~lacking))
    with caplog.at_level(logging.DEBUG, "anysocket"):
        await websocket.close(code, reason)
    assert len(caplog.records) == lines
    assert all(record.levelno == logging.DEBUG and "dropped" in record.message for record in caplog.records)


def test_a_scope_needs_no_more_than_a_path() -> None:
    scope = Scope("/")
    assert (scope.query_string, scope.client, scope.subprotocols, scope.path_params) == (b"", None, (), {})
