"""What the peer sent, on its way to the handler (contract section 4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anysocket import App, ConnectionClosed, Message, WebSocket, WebSocketStateError
from core.fake_transport import FakeTransport, accepted, settle, soon, to_its_end

WAYS = ["coroutine", "cancel safe", "future", "yielding"]
READ_AHEAD = 64
every_way = pytest.mark.parametrize("way", WAYS)


async def read_all(websocket: WebSocket) -> tuple[list[Any], ConnectionClosed]:
    """Everything until the end, and the end."""
    read: list[Any] = []
    while True:
        try:
            read.append((await soon(websocket.receive())).data)
        except ConnectionClosed as closed:
            return read, closed


async def waiting_reader(websocket: WebSocket) -> asyncio.Task[Message]:
    """A task that waits for the next message."""
    reader = asyncio.create_task(websocket.receive())
    await settle()
    return reader


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the core does by itself, within the second that the contract allows."""
    async with asyncio.timeout(1):
        while not condition():
            await asyncio.sleep(0.01)


# -- messages and the end --


@every_way
async def test_messages_come_one_by_one_with_their_types(way: str) -> None:
    """Contract 4.1: ``""`` and ``b""`` are messages, and types do not swap."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("", b"", "a", b"a")
    got = [await soon(websocket.receive()) for _ in range(4)]
    assert got == [Message("text", ""), Message("bytes", b""), Message("text", "a"), Message("bytes", b"a")]
    await settle()


@every_way
async def test_an_iteration_may_be_taken_up_by_hand(way: str) -> None:
    """``anext(websocket)`` is what ``async for`` does."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("a", "b", "c")
    transport.peer_closes()
    assert (await soon(anext(websocket))).data == "a"
    async for message in websocket:
        assert message.data == "b"
        break
    assert [message.data async for message in websocket] == ["c"]
    with pytest.raises(StopAsyncIteration):
        await anext(websocket)


@every_way
async def test_a_waiting_reader_gets_what_arrives(way: str) -> None:
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    reader = await waiting_reader(websocket)
    assert not reader.done()
    transport.arrive("here")
    assert (await soon(reader)).data == "here"
    await settle()


@every_way
async def test_messages_sent_before_a_close_are_delivered_first(way: str) -> None:
    """Contract 4.2: then the close comes once, then ``ConnectionClosed`` with its code for ever."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("last", b"words")
    transport.peer_closes(4001, "bye")
    await soon(websocket.wait_closed())
    assert (await websocket.receive()).data == "last"
    assert (await websocket.receive()).data == b"words"
    close = await websocket.receive()
    assert (close.type, close.code, close.reason) == ("close", 4001, "bye")
    for _ in range(3):
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.receive()
        assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "peer")


@every_way
async def test_messages_sent_before_a_loss_are_delivered_first(way: str) -> None:
    """Contract 4.2: a lost peer raises ``ConnectionClosed(1006)``."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("last words")
    transport.peer_is_lost()
    read, closed = await read_all(websocket)
    assert read == ["last words"]
    assert (closed.code, closed.by) == (1006, "lost")


@every_way
async def test_a_close_without_a_code_is_1005(way: str) -> None:
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive(Message("close", "", 1005))
    await websocket.receive()
    with pytest.raises(ConnectionClosed) as closed:
        await websocket.send_text("too late")
    assert closed.value.code == 1005


@every_way
async def test_the_end_is_noticed_while_nobody_receives(way: str) -> None:
    """Contract 4.6."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    waiting = [asyncio.create_task(websocket.wait_closed()) for _ in range(3)]
    await settle()
    assert not websocket.closed
    transport.peer_closes()
    for task in waiting:
        await soon(task)
    assert websocket.closed


@every_way
async def test_a_message_that_crosses_our_close_does_not_hide_the_answer(way: str) -> None:
    """The reader has taken it and is told the end: somebody must receive until the peer's close."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    reader = await waiting_reader(websocket)
    closing = asyncio.create_task(websocket.close(4000, "enough"))
    transport.arrive("crossing")
    with pytest.raises(ConnectionClosed):
        await soon(reader)
    await soon(closing)
    transport.peer_closes(4000, "enough")
    await soon(websocket.wait_closed())


async def test_receiving_before_accept_is_misuse() -> None:
    with pytest.raises(WebSocketStateError, match="call accept"):
        await WebSocket(FakeTransport()).receive()


@every_way
async def test_the_end_by_us_drops_what_was_not_read(way: str) -> None:
    """After our close nobody is left to be told."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    transport.arrive("one", "two")
    await settle()
    await websocket.close(4000, "enough")
    transport.arrive("three")
    transport.peer_closes(4000)
    read, closed = await read_all(websocket)
    assert read == []
    assert (closed.code, closed.reason, closed.by) == (4000, "enough", "us")
    await soon(websocket.wait_closed())


@every_way
async def test_the_end_by_us_wakes_the_reader(way: str) -> None:
    websocket = await accepted(FakeTransport(way=way))
    reader = await waiting_reader(websocket)
    await websocket.close(1001)
    with pytest.raises(ConnectionClosed) as closed:
        await soon(reader)
    assert (closed.value.code, closed.value.by) == (1001, "us")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are of Python 3.12")
@every_way
async def test_eager_tasks_change_nothing(way: str) -> None:
    """``loop.set_task_factory(asyncio.eager_task_factory)``: tasks may be done before they are known."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    for text in ("one", "two", "three"):
        transport.arrive(text)
        await settle()
        await websocket.send_text(text)
    assert [(await soon(websocket.receive())).data for _ in range(3)] == transport.sent
    reader = await waiting_reader(websocket)
    transport.arrive("four")
    assert (await soon(reader)).data == "four"
    transport.arrive("five")
    await settle()
    transport.peer_closes()
    async with asyncio.timeout(1):
        await websocket.wait_closed()
    read, closed = await read_all(websocket)
    assert (read, closed.by) == (["five", ""], "peer")


# -- one reader at a time --


@every_way
async def test_a_second_reader_is_refused_and_the_first_goes_on(way: str) -> None:
    """Contract 4.5."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    first = await waiting_reader(websocket)
    with pytest.raises(WebSocketStateError, match="another task is receiving"):
        await websocket.receive()
    transport.arrive("for the first")
    assert (await soon(first)).data == "for the first"
    transport.arrive("for whoever comes next")
    assert (await soon(websocket.receive())).data == "for whoever comes next"


@every_way
async def test_no_more_than_one_receive_is_under_way_and_none_is_cancelled(way: str) -> None:
    """The port's promise: servers lose messages otherwise. (The fake fails on both.)"""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    for number in range(20):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await websocket.receive()
        transport.arrive(str(number))
        assert (await soon(websocket.receive())).data == str(number)
    transport.peer_closes()
    assert (await soon(websocket.receive())).type == "close"


# -- cancelled readers --


class Reader:
    """A task that receives with a bound of its own, again and again when told to."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.read: list[Any] = []
        self.task: asyncio.Task[None] | None = None
        self.cancelled: set[asyncio.Task[None]] = set()
        self.cancelled_by_nobody = 0

    def start(self, how: Callable[[Awaitable[Message]], Awaitable[Message]]) -> None:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.run(how))

    async def run(self, how: Callable[[Awaitable[Message]], Awaitable[Message]]) -> None:
        try:
            self.read.append((await how(self.websocket.receive())).data)
        except (TimeoutError, ConnectionClosed):
            pass
        except asyncio.CancelledError:
            self.cancelled_by_nobody += self.task not in self.cancelled
            raise

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.cancelled.add(self.task)

    async def stop(self) -> None:
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=5)
            assert self.task.done()


async def plainly(receiving: Awaitable[Message]) -> Message:
    return await receiving


async def with_timeout(receiving: Awaitable[Message]) -> Message:
    async with asyncio.timeout(0):
        return await receiving


async def with_wait_for(receiving: Awaitable[Message]) -> Message:
    return await asyncio.wait_for(receiving, 0.0001)


ACTIONS = [
    "arrive",
    "arrive",
    "cancel",
    "cancel twice",
    "tick",
    "tick",
    "plainly",
    "with_timeout",
    "with_wait_for",
]
HOW = {"plainly": plainly, "with_timeout": with_timeout, "with_wait_for": with_wait_for}
ENDS = [
    Message("close", "", 1000),
    ConnectionClosed(1006, "", "lost"),
    BrokenPipeError(),
    KeyError("a bug of the server"),
]
schedules = st.lists(st.sampled_from(ACTIONS), max_size=60)


@given(way=st.sampled_from(WAYS), schedule=schedules, end=st.sampled_from(ENDS))
@settings(max_examples=250, deadline=None)
def test_no_cancelled_reader_takes_a_message_with_it(way: str, schedule: list[str], end: Any) -> None:
    """Contract 4.5: whatever is cancelled when, all messages come, once and in order, then the end."""

    async def run() -> None:
        transport = FakeTransport(way=way)
        websocket = await accepted(transport)
        reader = Reader(websocket)
        sent: list[str] = []
        for action in schedule:
            match action:
                case "arrive":
                    sent.append(f"message {len(sent)}")
                    transport.arrive(sent[-1])
                case "cancel":
                    reader.cancel()
                case "cancel twice":
                    reader.cancel()
                    reader.cancel()
                case "tick":
                    await asyncio.sleep(0)
                case how:
                    reader.start(HOW[how])
        transport.arrive(end)
        reader.cancel()
        await reader.stop()
        rest, closed = await read_all(websocket)
        assert [data for data in reader.read + rest if data] == sent
        assert closed.by == ("peer" if isinstance(end, Message) else "lost")

    asyncio.run(to_its_end(run()))


@given(way=st.sampled_from(WAYS), before=schedules, after=schedules, code=st.sampled_from([1000, 4000]))
@settings(max_examples=250, deadline=None)
def test_our_own_end_reaches_a_reader_as_an_end_and_never_as_a_cancellation(
    way: str, before: list[str], after: list[str], code: int
) -> None:
    """Whatever the reader was doing; and a reader that is cancelled as well is cancelled."""

    async def run() -> None:
        transport = FakeTransport(way=way)
        websocket = await accepted(transport)
        reader = Reader(websocket)
        closing: asyncio.Task[None] | None = None
        for number, action in enumerate([*before, "close", *after]):
            match action:
                case "arrive":
                    transport.arrive(str(number))
                case "cancel" | "cancel twice":
                    reader.cancel()
                case "close":
                    closing = asyncio.create_task(websocket.close(code))
                case "tick":
                    await asyncio.sleep(0)
                case how:
                    reader.start(HOW[how])
        assert closing is not None
        await soon(closing)
        await reader.stop()
        assert reader.cancelled_by_nobody == 0
        with pytest.raises(ConnectionClosed) as closed:
            await soon(websocket.receive())
        assert (closed.value.code, closed.value.by) == (code, "us")
        assert reader.read == sorted(reader.read, key=int)
        transport.peer_closes(code)
        await soon(websocket.wait_closed())

    asyncio.run(to_its_end(run()))


@every_way
async def test_a_cancellation_keeps_its_message(way: str) -> None:
    """By which anyio's cancel scopes know their own."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    with anyio.move_on_after(0.001) as scope:
        await soon(websocket.receive())
    assert scope.cancelled_caught
    for message in ("why", None):
        reader = await waiting_reader(websocket)
        reader.cancel(message)
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await reader
        assert cancelled.value.args == (() if message is None else (message,))
    transport.arrive("kept")
    assert (await soon(websocket.receive())).data == "kept"
    await settle()


@every_way
async def test_a_message_that_meets_the_cancellation_is_kept(way: str) -> None:
    """Both happen before the reader's task runs again, in either order."""
    for cancel_first in (True, False):
        transport = FakeTransport(way=way)
        websocket = await accepted(transport)
        reader = await waiting_reader(websocket)
        if cancel_first:
            reader.cancel()
            transport.arrive("kept")
        else:
            transport.arrive("kept")
            reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert (await reader).data == "kept"
            continue
        assert (await soon(websocket.receive())).data == "kept"


@every_way
async def test_an_end_that_meets_the_cancellation_is_kept(way: str) -> None:
    websocket = await accepted(FakeTransport(way=way))
    reader = await waiting_reader(websocket)
    closing = asyncio.create_task(websocket.close(1001))
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await closing
    with pytest.raises(ConnectionClosed):
        await websocket.receive()


@every_way
async def test_what_arrived_for_a_cancelled_reader_is_noticed_without_another(way: str) -> None:
    """Contract 4.6: the peer's close must not wait for somebody to read it."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    reader = await waiting_reader(websocket)
    transport.peer_closes()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await soon(websocket.wait_closed())


@every_way
async def test_a_reader_may_cancel_itself(way: str) -> None:
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)

    async def read() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await websocket.receive()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(read())
    transport.arrive("still here")
    assert (await soon(websocket.receive())).data == "still here"


# -- holding the peer back --


@every_way
async def test_a_handler_that_does_not_read_holds_the_peer_back(way: str) -> None:
    """Contract 4.7, by count: the rest stays with the server, and comes when the handler reads on."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    sent = [str(number) for number in range(3 * READ_AHEAD)]
    transport.arrive(*sent)
    await until(lambda: transport.unread == len(sent) - READ_AHEAD)
    await settle(9 * READ_AHEAD)
    assert transport.unread == len(sent) - READ_AHEAD
    transport.peer_closes()
    read, closed = await read_all(websocket)
    assert read == [*sent, ""]
    assert closed.by == "peer"


@pytest.mark.parametrize("sizes", [[1000] * 60, [1] * 30 + [1000] * 60])
async def test_what_is_read_ahead_is_bounded_by_its_size(sizes: list[int]) -> None:
    """Contract 4.7, by bytes: never more than one largest message above ``max_message_bytes``."""
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=1000)
    transport.arrive(*(b"x" * size for size in sizes))
    await settle()
    for read in range(1, len(sizes)):
        await soon(websocket.receive())
        await settle()
        taken = len(sizes) - transport.unread
        assert sum(sizes[read:taken]) <= 2000


async def test_large_messages_may_be_received_and_few_of_them_are_read_ahead() -> None:
    """A limit of 64 MiB a message is none for what a handler that does not read may cost."""
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=1 << 26)
    transport.arrive(*(b"x" * 300_000 for _ in range(20)))
    await settle()
    assert 20 - transport.unread == 4
    assert len((await soon(websocket.receive())).data) == 300_000


@every_way
async def test_the_peer_is_held_back_and_let_go_again_and_again(way: str) -> None:
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    sent = [str(number) for number in range(2 * READ_AHEAD)]
    transport.arrive(*sent)
    for expected in sent:
        assert (await soon(websocket.receive())).data == expected
        assert transport.unread == max(0, transport.unread)
    transport.arrive("more")
    assert (await soon(websocket.receive())).data == "more"


# -- messages that are too big --


@pytest.mark.parametrize(
    ("data", "size"), [("x" * 11, 11), (b"x" * 11, 11), ("é" * 6, 12), ("名" * 4, 12), ("😀" * 3, 12)]
)
async def test_a_message_above_the_limit_is_told_and_ends_the_connection(
    data: str | bytes, size: int
) -> None:
    """Contract 4.4: one ``error`` with size and limit, 1009 for the peer, then ``ConnectionClosed(1009)``."""
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=10)
    transport.arrive("before", data, "after")
    assert (await soon(websocket.receive())).data == "before"
    error = await soon(websocket.receive())
    assert (error.type, error.code) == ("error", 1009)
    assert f"{size} bytes" in error.data and "max_message_bytes=10" in error.data
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as closed:
            await soon(websocket.receive())
        assert (closed.value.code, closed.value.by) == (1009, "us")
    await settle()
    assert transport.close_frame is not None
    assert transport.close_frame[0] == 1009
    transport.peer_closes(1009)
    await soon(websocket.wait_closed())


@pytest.mark.parametrize("data", ["x" * 10, b"x" * 10, "é" * 5, "名" * 3, "😀" * 2])
async def test_a_message_of_just_the_limit_comes_through(data: str | bytes) -> None:
    """It is the bytes on the wire that count, and of two such messages both come."""
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=10)
    transport.arrive(data, data, data)
    assert [(await soon(websocket.receive())).data for _ in range(3)] == [data] * 3


@every_way
async def test_a_waiting_reader_is_told_of_a_message_too_big(way: str) -> None:
    transport = FakeTransport(way=way)
    websocket = await accepted(transport, max_message_bytes=10)
    reader = await waiting_reader(websocket)
    transport.arrive("x" * 11)
    assert (await soon(reader)).type == "error"


# -- servers that fail --


@every_way
async def test_a_server_that_fails_in_its_own_way_is_logged_and_a_lost_peer(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FakeTransport("/live", way=way)
    websocket = await accepted(transport)
    transport.arrive("before", KeyError("a bug of the server"))
    read, closed = await read_all(websocket)
    assert read == ["before"]
    assert (closed.code, closed.by) == (1006, "lost")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the fake server" in record.message and "/live" in record.message
    assert record.exc_info is not None and isinstance(record.exc_info[1], KeyError)


@pytest.mark.parametrize(
    "error",
    [ConnectionResetError(), BrokenPipeError(), asyncio.CancelledError(), ConnectionClosed(1006, "", "lost")],
)
async def test_ordinary_losses_are_not_logged(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive(error)
    with pytest.raises(ConnectionClosed) as closed:
        await soon(websocket.receive())
    assert (closed.value.code, closed.value.by) == (1006, "lost")
    assert not caplog.records


# -- letting go --


@pytest.mark.parametrize("way", ["coroutine", "future"])
@pytest.mark.parametrize("somebody_reads", [True, False])
async def test_an_adapter_may_give_up_receiving_for_a_close(way: str, somebody_reads: bool) -> None:
    """Some servers cannot close while they receive: then no answer is read, and the connection is over."""
    transport = FakeTransport(way=way)
    websocket = await accepted(transport)
    reader = asyncio.create_task(read_all(websocket)) if somebody_reads else None
    await settle()
    await websocket.close(4000)
    transport.give_up_receiving()
    await soon(websocket.wait_closed())
    if reader is not None:
        read, closed = await soon(reader)
        assert (read, closed.code, closed.by) == ([], 4000, "us")


@every_way
@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("rounds", [0, 1, 2])
async def test_what_arrives_after_the_handler_is_done_does_no_harm(
    way: str, arrives: bool, rounds: int
) -> None:
    app = App()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        if arrives:
            transport.arrive("while it returns")
        await settle(rounds)

    transport = FakeTransport(way=way)
    transport.yields = 100  # More than the handler needs to return.
    await soon(app.serve(transport))
    transport.arrive("too late")
    await settle()
    assert transport.close_frame == (1000, "")
