"""What we send, in the order in which it was called for (contract section 5)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anysocket import ConnectionClosed, WebSocket, WebSocketManager, WebSocketStateError
from anysocket._rounds import SENDS_PER_ROUND
from core.fake_transport import FakeTransport, ForeignFuture, accepted, settle, soon, to_its_end


async def member(transport: FakeTransport) -> tuple[WebSocket, WebSocketManager]:
    """An open WebSocket known to a manager, whose broadcasts do not wait."""
    websocket = await accepted(transport)
    manager = WebSocketManager()
    manager.add_connection("member", websocket)
    return websocket, manager


# -- order --


async def test_messages_of_several_tasks_arrive_in_the_order_of_the_calls() -> None:
    """Contract 5.1, on a server that takes its time with each of them."""
    transport = FakeTransport()
    websocket, manager = await member(transport)
    transport.hold_sends()
    senders = []
    for number in range(0, 30, 3):
        senders.append(asyncio.create_task(websocket.send_text(str(number))))
        await asyncio.sleep(0)
        await manager.broadcast_to_all(str(number + 1))
        senders.append(asyncio.create_task(websocket.send_bytes(str(number + 2).encode())))
        await asyncio.sleep(0)
    assert transport.sent == []
    transport.let_sends_go()
    await soon(asyncio.gather(*senders))
    await settle()
    assert [int(data) for data in transport.sent] == list(range(30))


async def test_a_close_comes_after_what_was_sent_before_it() -> None:
    transport = FakeTransport()
    websocket, manager = await member(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("first"))
    await settle()
    await manager.broadcast_to_all("second")
    closing = asyncio.create_task(websocket.close(4000))
    await settle()
    assert transport.close_frame is None
    transport.let_sends_go()
    await soon(closing)
    await sender
    assert transport.sent == ["first", "second"]
    assert transport.close_frame == (4000, "")


async def test_a_send_that_waits_when_we_close_is_refused() -> None:
    """Contract 5.3: after the end ``ConnectionClosed``, never silence."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    senders = [asyncio.create_task(websocket.send_text(str(number))) for number in range(4)]
    await settle()
    closing = asyncio.create_task(websocket.close(4000, "enough"))
    await settle()
    transport.let_sends_go()
    results = await soon(asyncio.gather(*senders, return_exceptions=True))
    await soon(closing)
    assert results[0] is None
    assert [(error.code, error.by) for error in results[1:]] == [(4000, "us")] * 3
    assert transport.sent == ["0"]


async def test_a_send_that_waits_when_the_peer_leaves_is_refused() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    senders = [asyncio.create_task(websocket.send_text(str(number))) for number in range(3)]
    await settle()
    transport.peer_is_lost()
    await settle()
    transport.send_fails_with = BrokenPipeError()
    transport.let_sends_go()
    results = await soon(asyncio.gather(*senders, return_exceptions=True))
    assert [(error.code, error.by) for error in results] == [(1006, "lost")] * 3
    assert transport.sent == []


# -- failures --


async def test_a_failing_send_is_the_end_of_the_connection() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    await websocket.send_text("fine")
    transport.send_fails_with = BrokenPipeError("gone")
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.send_text("not fine")
        assert (closed.value.code, closed.value.by) == (1006, "lost")
        assert closed.value.__cause__ is None
    assert websocket.closed
    assert transport.sent == ["fine"]


async def test_a_failure_that_does_not_mean_the_end_is_the_senders() -> None:
    """Such as text that the server refuses: the connection goes on."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.send_fails_with = ValueError("no such text")
    with pytest.raises(ValueError, match="no such text"):
        await websocket.send_text("bad")
    transport.send_fails_with = None
    await websocket.send_text("good")
    assert transport.sent == ["good"]


async def test_a_dead_member_is_removed_by_the_broadcast_that_finds_it() -> None:
    """Contract 6.3: it is not counted."""
    transport = FakeTransport()
    websocket, manager = await member(transport)
    transport.send_fails_with = BrokenPipeError()
    assert await manager.broadcast_to_all("anybody?") == 0
    assert websocket.closed
    assert not manager.connections


@pytest.mark.parametrize("error", [BrokenPipeError(), KeyError("a bug of the server")])
async def test_a_member_that_fails_while_it_makes_us_wait_is_removed(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FakeTransport()
    websocket, manager = await member(transport)
    transport.hold_sends()
    assert await manager.broadcast_to_all("one") == 1
    assert await manager.broadcast_to_all("two") == 1
    transport.send_fails_with = error
    transport.let_sends_go()
    await soon(websocket.wait_closed())
    await settle()
    assert not manager.connections
    assert transport.sent == []
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * isinstance(error, KeyError)


async def test_a_server_that_fails_strangely_takes_no_other_member_along(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, healthy = FakeTransport("/broken"), FakeTransport()
    manager = WebSocketManager()
    manager.add_connection("broken", await accepted(broken))
    manager.add_connection("healthy", await accepted(healthy))
    broken.send_fails_with = AttributeError("a bug of the server")
    assert await manager.broadcast_to_all("hello") == 1
    assert healthy.sent == ["hello"]
    assert list(manager.connections) == ["healthy"]
    (record,) = caplog.records
    assert "/broken" in record.message and "the fake server" in record.message


# -- cancelled sends --


async def test_a_cancelled_send_that_waits_is_not_sent_and_blocks_nobody() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    senders = [asyncio.create_task(websocket.send_text(str(number))) for number in range(4)]
    await settle()
    senders[1].cancel()
    await settle()
    transport.let_sends_go()
    results = await soon(asyncio.gather(*senders, return_exceptions=True))
    assert isinstance(results[1], asyncio.CancelledError)
    assert transport.sent == ["0", "2", "3"]


async def test_a_send_that_is_cancelled_as_its_turn_comes_gives_it_on() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    senders = [asyncio.create_task(websocket.send_text(str(number))) for number in range(3)]
    await settle()
    transport.let_sends_go()
    await asyncio.sleep(0)
    assert transport.sent == ["0"]  # The second one's turn has come, but it did not run yet.
    senders[1].cancel()
    results = await soon(asyncio.gather(*senders, return_exceptions=True))
    assert isinstance(results[1], asyncio.CancelledError)
    assert transport.sent == ["0", "2"]


ACTIONS = ["send", "send", "post", "cancel first", "cancel last", "hold", "go", "tick", "tick"]


@given(st.lists(st.sampled_from(ACTIONS), max_size=60))
@settings(max_examples=200, deadline=None)
def test_whatever_is_cancelled_the_rest_arrives_once_and_in_order(actions: list[str]) -> None:
    """Contract 5.1. (The fake fails on two sends at once.)"""

    async def run() -> None:
        transport = FakeTransport()
        websocket, manager = await member(transport)
        senders: dict[str, asyncio.Task[None]] = {}
        called: list[str] = []
        for action in actions:
            running = [name for name, task in senders.items() if not task.done()]
            match action:
                case "send":
                    called.append(f"{len(called)}")
                    senders[called[-1]] = asyncio.create_task(websocket.send_text(called[-1]))
                    await asyncio.sleep(0)
                case "post":
                    called.append(f"{len(called)}")
                    await manager.send_to("member", called[-1])
                case "cancel first" | "cancel last" if running:
                    senders[running[0 if action == "cancel first" else -1]].cancel()
                case "hold":
                    transport.hold_sends()
                case "go":
                    transport.let_sends_go()
                case _:
                    await asyncio.sleep(0)
        transport.let_sends_go()
        await soon(asyncio.gather(*senders.values(), return_exceptions=True))
        await soon(websocket.send_text("last"))
        cancelled = {name for name, task in senders.items() if task.cancelled()}
        done = [name for name in called if name not in cancelled]
        assert [name for name in transport.sent if name not in cancelled] == [*done, "last"]
        assert transport.sent == [*sorted(transport.sent[:-1], key=int), "last"]

    asyncio.run(to_its_end(run()))


async def test_a_cancelled_close_closes_all_the_same() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("before"))
    await settle()
    closing = asyncio.create_task(websocket.close(4000))
    await settle()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    transport.let_sends_go()
    await sender
    await settle()
    assert transport.close_frame == (4000, "")


# -- a peer that is too slow --


async def test_a_send_waits_while_the_peer_is_too_slow() -> None:
    """Contract 5.2."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("slow"))
    await settle()
    assert not sender.done()
    transport.let_sends_go()
    await soon(sender)


@pytest.mark.parametrize(
    ("message", "fits"), [("x", 1024), ("x" * 1024, 1024), ("x" * 2048, 512), (b"x" * 2**20, 1)]
)
async def test_what_waits_for_a_slow_peer_is_bounded(message: str | bytes, fits: int) -> None:
    """By 1024 messages and 1 MiB; then the peer gets 1013, and what waited is dropped."""
    transport = FakeTransport()
    websocket, manager = await member(transport)
    transport.hold_sends()
    assert await manager.broadcast_to_all("the one on its way") == 1
    for _ in range(fits):
        assert await manager.broadcast_to_all(message) == 1
    assert not websocket.closed
    assert await manager.broadcast_to_all(message) == 0
    assert websocket.closed
    assert not manager.connections
    transport.let_sends_go()
    await settle()
    assert transport.sent == ["the one on its way"]
    assert transport.close_frame == (1013, "slow consumer")
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.send_text("no more")
    assert (closed.value.code, closed.value.by) == (1013, "us")


async def test_a_peer_that_catches_up_may_fall_behind_again() -> None:
    transport = FakeTransport()
    websocket, manager = await member(transport)
    for _ in range(3):
        transport.hold_sends()
        for _ in range(1000):
            await manager.broadcast_to_all("x" * 1000)
        transport.let_sends_go()
        await settle()
    assert len(transport.sent) == 3000
    assert not websocket.closed


# -- how servers let us wait --


class Way(FakeTransport):
    """Sends in the way of the subclass."""

    def send_text(self, data: str) -> Awaitable[object]:  # type: ignore[override]
        raise NotImplementedError


class AtOnce(FakeTransport):
    """A server that takes what it is given in the call, as long as there is a connection."""

    def send_text(self, data: str) -> None:  # type: ignore[override]
        if self.send_fails_with is not None:
            raise self.send_fails_with
        self.sent.append(data)


async def test_a_server_may_take_a_message_in_the_call() -> None:
    transport = AtOnce()
    websocket, manager = await member(transport)
    for number in range(3):
        await soon(websocket.send_text(f"send {number}"))
        assert await manager.broadcast_to_all(f"post {number}") == 1
    assert transport.sent == [f"{kind} {number}" for number in range(3) for kind in ("send", "post")]


async def test_a_server_may_fail_in_the_call() -> None:
    transport = AtOnce()
    websocket, manager = await member(transport)
    transport.send_fails_with = ConnectionResetError()
    assert await manager.broadcast_to_all("post") == 0
    assert websocket.closed
    with pytest.raises(ConnectionClosed):
        await soon(websocket.send_text("send"))


class ByFuture(Way):
    """The server's own future-like object, as Granian's; settled by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.futures: list[ForeignFuture] = []

    def send_text(self, data: str) -> Awaitable[object]:  # type: ignore[override]
        assert all(future.done() for future in self.futures), "one send at a time"
        self.sent.append(data)
        self.futures.append(ForeignFuture())
        return self.futures[-1]


async def one_by_one(transport: ByFuture) -> None:
    """The server takes all that it is given."""
    while not transport.futures[-1].done():
        transport.futures[-1].settle()
        await settle()


async def give_up(sender: asyncio.Task[None]) -> None:
    """Cancel a send that waits."""
    await settle()
    sender.cancel("by a scope")
    with pytest.raises(asyncio.CancelledError, match="by a scope"):
        await soon(sender)


async def heard(websocket: WebSocket, transport: FakeTransport) -> None:
    """The handler has received, and not come back for more: no receive is in flight."""
    transport.arrive("a question")
    await soon(websocket.receive())


async def test_a_server_may_send_by_a_future_of_its_own() -> None:
    transport = ByFuture()
    websocket, manager = await member(transport)
    assert await manager.broadcast_to_all("one") == 1
    assert await manager.broadcast_to_all("two") == 1
    sender = asyncio.create_task(websocket.send_text("three"))
    await settle()
    for number in range(3):
        assert len(transport.futures) == number + 1
        transport.futures[-1].settle()
        await settle()
    await soon(sender)
    assert transport.sent == ["one", "two", "three"]


async def test_a_send_that_the_server_has_begun_needs_no_waiting_but_the_next_one_does() -> None:
    """Contract 5.2: the first message is with the server; a peer that is too slow holds up the second."""
    transport = ByFuture()
    websocket = await accepted(transport)
    await heard(websocket, transport)
    await soon(websocket.send_text("first"))
    second = asyncio.create_task(websocket.send_text("second"))
    await settle()
    assert transport.sent == ["first"]
    assert not second.done()
    await one_by_one(transport)
    await soon(second)
    assert transport.sent == ["first", "second"]


async def test_a_send_beside_a_receive_in_flight_waits_until_the_server_has_taken_it() -> None:
    """Contract 5.2: in the server's threads the receive may meet the peer's close before the message is
    written, and then it never is."""
    transport = ByFuture()
    websocket, _ = await member(transport)
    for outcome in (None, BrokenPipeError()):
        sender = asyncio.create_task(websocket.send_text("crossing"))
        await settle()
        assert len(transport.futures) == len(transport.sent) and not sender.done()
        transport.futures[-1].settle(error=outcome)
        if outcome is None:
            await soon(sender)
        else:
            with pytest.raises(ConnectionClosed) as closed:
                await soon(sender)
            assert closed.value.by == "lost"


async def test_a_message_that_was_taken_is_no_error_though_the_peer_closes_then() -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    sender = asyncio.create_task(websocket.send_text("just in time"))
    await settle()
    transport.futures[-1].settle()
    transport.peer_closes()
    await soon(sender)
    await soon(websocket.wait_closed())


@pytest.mark.parametrize("reads", [True, False])
async def test_a_send_that_crosses_the_peers_close_raises(reads: bool) -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    reader = asyncio.create_task(websocket.receive()) if reads else None
    sender = asyncio.create_task(websocket.send_text("too late"))
    await settle()
    transport.peer_closes(4001)
    with pytest.raises(ConnectionClosed) as closed:
        await soon(sender)
    assert (closed.value.code, closed.value.by) == (4001, "peer")
    assert transport.futures[-1].cancelled()
    if reader is not None:
        assert (await soon(reader)).code == 4001


async def test_a_send_that_is_cancelled_with_the_server_keeps_its_place() -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    first = asyncio.create_task(websocket.send_text("first"))
    await give_up(first)
    second = asyncio.create_task(websocket.send_text("second"))
    await settle()
    assert transport.sent == ["first"]
    await one_by_one(transport)
    await soon(second)
    assert transport.sent == ["first", "second"]


async def test_whoever_comes_when_the_server_is_done_goes_on_at_once() -> None:
    transport = ByFuture()
    websocket, manager = await member(transport)
    for number in range(3):
        assert await manager.broadcast_to_all(f"post {number}") == 1
        transport.futures[-1].settle()
        await heard(websocket, transport)
        await soon(websocket.send_text(f"send {number}"))
        transport.futures[-1].settle()
    assert transport.sent == [f"{kind} {number}" for number in range(3) for kind in ("post", "send")]


async def test_nobody_overtakes_those_who_wait_though_the_server_is_done() -> None:
    """It has been asked to call back, and its call is on the way."""
    transport = ByFuture()
    websocket, manager = await member(transport)
    for number in range(2):
        assert await manager.broadcast_to_all(f"{number}") == 1
    transport.futures[-1].settle()
    assert await manager.broadcast_to_all("2") == 1
    sender = asyncio.create_task(websocket.send_text("3"))
    await settle()
    await one_by_one(transport)
    await soon(sender)
    assert transport.sent == ["0", "1", "2", "3"]


async def test_a_close_waits_for_what_the_server_has_begun() -> None:
    """Contract 3: what was sent before the close arrives before it."""
    transport = ByFuture()
    websocket = await accepted(transport)
    await heard(websocket, transport)
    await soon(websocket.send_text("last words"))
    closing = asyncio.create_task(websocket.close(4000))
    await settle()
    assert transport.close_frame is None
    transport.futures[-1].settle()
    await soon(closing)
    assert transport.close_frame == (4000, "")


async def test_a_send_that_is_cancelled_as_it_waits_leaves_the_one_before_it_alone() -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    await heard(websocket, transport)
    await soon(websocket.send_text("first"))
    await give_up(asyncio.create_task(websocket.send_text("cancelled")))
    following = asyncio.create_task(websocket.send_text("next"))
    await settle()
    assert not transport.futures[-1].cancelled()
    await one_by_one(transport)
    await soon(following)
    assert transport.sent == ["first", "next"]


async def test_a_server_that_has_begun_in_vain_is_found_out_by_the_next_send() -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    await heard(websocket, transport)
    await soon(websocket.send_text("in vain"))
    transport.futures[-1].settle(error=BrokenPipeError())
    with pytest.raises(ConnectionClosed) as closed:
        await soon(websocket.send_text("next"))
    assert closed.value.by == "lost"
    assert transport.sent == ["in vain"]


async def test_a_server_that_has_begun_in_vain_is_found_out_by_the_next_broadcast() -> None:
    transport = ByFuture()
    websocket, manager = await member(transport)
    assert await manager.broadcast_to_all("in vain") == 1
    transport.futures[-1].settle(error=BrokenPipeError())
    assert await manager.broadcast_to_all("next") == 0
    assert websocket.closed
    assert not manager.connections
    assert transport.sent == ["in vain"]


@pytest.mark.parametrize("waits", [True, False])
async def test_a_servers_future_is_given_up_at_the_end(waits: bool) -> None:
    transport = ByFuture()
    websocket = await accepted(transport)
    await heard(websocket, transport)
    await soon(websocket.send_text("stuck"))
    waiting = asyncio.create_task(websocket.send_text("behind it")) if waits else None
    await settle()
    transport.peer_closes(4001)
    await soon(websocket.wait_closed())
    await settle()
    assert [future.cancelled() for future in transport.futures] == [True]
    if waiting is not None:
        with pytest.raises(ConnectionClosed):
            await soon(waiting)
    assert transport.sent == ["stuck"]


@pytest.mark.parametrize("error", [BrokenPipeError(), KeyError("bug"), asyncio.CancelledError()])
async def test_a_servers_future_that_fails_is_the_end(error: BaseException) -> None:
    transport = ByFuture()
    websocket, manager = await member(transport)
    await manager.broadcast_to_all("one")
    waiting = asyncio.create_task(websocket.send_text("two"))
    await settle()
    transport.futures[-1].settle(error=error)
    with pytest.raises(ConnectionClosed) as closed:
        await soon(waiting)
    assert (closed.value.code, closed.value.by) == (1006, "lost")
    assert not manager.connections


class Translating(Way):
    """Code of a server that waits more than once, handles what its waits raise, and lets go of a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[asyncio.Future[None]] = []
        self.lock = asyncio.Lock()

    async def send_text(self, data: str) -> None:
        async with self.lock:
            for _ in range(2):
                self.waits.append(asyncio.get_running_loop().create_future())
                try:
                    await self.waits[-1]
                except TimeoutError:
                    await asyncio.sleep(0)  # The server tries again.
                except OSError:
                    raise BrokenPipeError from None
            self.sent.append(data)


async def test_a_server_handles_what_its_own_waits_raise() -> None:
    transport = Translating()
    websocket, manager = await member(transport)
    await manager.broadcast_to_all("one")
    transport.waits[0].set_exception(TimeoutError())
    await settle()
    transport.waits[1].set_result(None)
    await settle()
    assert transport.sent == ["one"]
    assert not transport.lock.locked()
    await manager.broadcast_to_all("two")
    transport.waits[2].set_exception(OSError())
    await soon(websocket.wait_closed())
    assert not transport.lock.locked()


class LastWords(Translating):
    """A server that is done when its last wait fails."""

    async def send_text(self, data: str) -> None:
        self.waits.append(asyncio.get_running_loop().create_future())
        with contextlib.suppress(TimeoutError):
            await self.waits[-1]


async def test_a_server_may_be_content_with_a_wait_that_failed() -> None:
    transport = LastWords()
    websocket, manager = await member(transport)
    await manager.broadcast_to_all("one")
    transport.waits[0].set_exception(TimeoutError())
    await settle()
    assert not websocket.closed
    assert await manager.broadcast_to_all("two") == 1
    assert len(transport.waits) == 2
    transport.waits[1].set_result(None)
    await settle()


# -- before and after --


async def test_before_accept_sending_is_misuse() -> None:
    """Contract 5.3."""
    websocket = WebSocket(FakeTransport())
    with pytest.raises(WebSocketStateError, match="call accept\\(\\) first"):
        await websocket.send_text("too early")


async def test_before_accept_a_room_does_not_reach_it() -> None:
    websocket = WebSocket(FakeTransport())
    manager = WebSocketManager()
    manager.add_connection("early", websocket)
    assert await manager.broadcast_to_all("anybody?") == 0
    await websocket.accept()
    assert await manager.broadcast_to_all("anybody?") == 1


async def test_before_accept_nobody_waits_for_it() -> None:
    transport = FakeTransport()
    manager = WebSocketManager(policy="block")
    manager.add_connection("early", WebSocket(transport))
    assert await soon(manager.broadcast_to_all("anybody?")) == 0
    assert transport.sent == []


# -- a peer that reads no more --


async def test_a_sender_stuck_in_the_server_is_freed_by_the_end() -> None:
    """Nothing hangs: the peer's end tells a sender that its message will not be taken."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("stuck"))
    await settle()
    transport.peer_closes(4001)
    with pytest.raises(ConnectionClosed) as closed:
        await soon(sender)
    assert closed.value.code == 4001
    assert sender.cancelling() == 0


async def test_a_sender_cancelled_as_well_is_cancelled() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("stuck"))
    await settle()
    transport.peer_closes()
    await asyncio.sleep(0)
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(sender)


@pytest.mark.parametrize("transport_type", [FakeTransport, ByFuture])
async def test_a_post_stuck_in_the_server_is_given_up_at_the_end(transport_type: type[FakeTransport]) -> None:
    transport = transport_type()
    websocket, manager = await member(transport)
    transport.hold_sends()
    assert await manager.broadcast_to_all("stuck") == 1
    assert await manager.broadcast_to_all("behind it") == 1
    await settle()
    transport.peer_closes()
    await soon(websocket.wait_closed())
    await settle()
    assert "behind it" not in transport.sent
    if isinstance(transport, ByFuture):
        assert [future.cancelled() for future in transport.futures] == [True]


async def test_a_bug_in_a_middlewares_task_is_logged_with_where_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def send_with_a_bug() -> None:
        raise ZeroDivisionError

    class Task(FakeTransport):
        def send_text(self, data: str) -> Awaitable[object]:  # type: ignore[override] # As the port allows.
            return asyncio.ensure_future(send_with_a_bug())

    websocket, manager = await member(Task())
    await manager.broadcast_to_all("x")
    await settle()
    await manager.broadcast_to_all("y")
    assert websocket.closed
    assert "in send_with_a_bug" in caplog.text


# -- a handler that only sends --


async def only_send(websocket: WebSocket) -> None:
    for _ in range(10_000):
        await websocket.send_text("to nobody")


async def test_a_handler_that_only_sends_learns_that_its_peer_left() -> None:
    """Contract 4.6, on a server that takes at once what is sent to a dead peer."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.peer_is_lost()
    with pytest.raises(ConnectionClosed):
        await only_send(websocket)


async def test_a_send_that_was_cancelled_ends_no_pauses() -> None:
    """Be it the one after which there is a pause."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    for _ in range(SENDS_PER_ROUND - 1):
        await websocket.send_text("to somebody")
    transport.hold_sends()
    sender = asyncio.create_task(websocket.send_text("cancelled"))
    await settle()
    sender.cancel()
    await asyncio.wait({sender})
    transport.let_sends_go()
    transport.peer_is_lost()
    with pytest.raises(ConnectionClosed):
        await only_send(websocket)


async def test_a_handler_that_takes_its_time_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only sends in quick succession are followed by a pause."""
    monkeypatch.setattr("anysocket._rounds.ROUND", 0.0)
    monkeypatch.setattr("anysocket._rounds.PAUSE", 3600.0)
    transport = FakeTransport()
    websocket = await accepted(transport)
    for _ in range(200):
        await soon(websocket.send_text("x"))
    assert len(transport.sent) == 200


async def test_what_is_posted_while_the_server_takes_a_message_comes_after_it() -> None:
    """As by a middleware around the server's send that broadcasts."""

    class Answering(FakeTransport):
        async def send_text(self, data: str) -> None:
            if data == "question":
                await manager.broadcast_to_all("answer")
            await super().send_text(data)

    transport = Answering()
    _, manager = await member(transport)
    await manager.broadcast_to_all("question")
    await settle()
    assert transport.sent == ["question", "answer"]
