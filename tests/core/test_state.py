"""The life of a WebSocket, walked at random against a model that is written another way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from anysocket import ConnectionClosed, Message, WebSocket, WebSocketStateError
from anysocket._state import TRANSITIONS, Event, State
from core.fake_transport import FakeTransport, settle

CODES = st.sampled_from([1000, 1001, 1011, 3000, 4999])
TEXT = st.sampled_from(["", "a", "é", "long" * 100])


def test_the_table_has_a_row_for_every_state_and_leads_to_known_ones() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(isinstance(event, Event) for row in TRANSITIONS.values() for event in row)


def test_an_end_is_final() -> None:
    """No event leads out of CLOSED or DENIED."""
    for state in (State.CLOSED, State.DENIED):
        assert set(TRANSITIONS[state].values()) == {state}


def test_what_peers_can_cause_is_possible_in_every_state_in_which_they_can() -> None:
    """A peer must not be able to bring about a misuse error."""
    for state, row in TRANSITIONS.items():
        assert Event.LOST in row
        assert Event.PEER_CLOSED in row or state in (State.CONNECTING, State.ACCEPTING)


class Life(RuleBasedStateMachine):
    """The model: what was answered, what waits unread, and how it ended (code and who), if it did."""

    way = "coroutine"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.transport = FakeTransport(way=self.way)
        self.websocket: WebSocket = self.run(self.connect())
        self.answer: str | None = None
        self.unread: list[Message] = []
        self.sent: list[str] = []
        self.end: tuple[int, str] | None = None
        self.close_frame: int | None = None
        self.peer_gone = False

    def teardown(self) -> None:
        self.runner.close()

    async def connect(self) -> WebSocket:
        return WebSocket(self.transport)

    def run(self, coroutine: Any) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(5):
                result = await coroutine
                await settle()
                return result

        return self.runner.run(bounded())

    def outcome(self, coroutine: Any) -> Any:
        try:
            return self.run(coroutine)
        except (ConnectionClosed, WebSocketStateError) as error:
            return error

    def assert_refused(self, outcome: Any) -> None:
        """What everything but closing gets that comes too late or too early."""
        if self.end is None or self.answer == "deny":
            assert isinstance(outcome, WebSocketStateError)
        else:
            self.assert_ended(outcome)

    def assert_ended(self, outcome: Any) -> None:
        assert isinstance(outcome, ConnectionClosed)
        assert (outcome.code, outcome.by) == self.end

    @rule()
    def accept(self) -> None:
        outcome = self.outcome(self.websocket.accept())
        if self.answer is None:
            assert outcome is None
            self.answer = "accept"
        else:
            self.assert_refused(outcome)

    @rule(status=st.sampled_from([400, 403, 503, 599]))
    def deny(self, status: int) -> None:
        outcome = self.outcome(self.websocket.deny(status))
        if self.answer is None:
            assert outcome is None
            self.answer, self.end = "deny", (1006, "us")
            assert self.transport.answer == ("deny", status, [], b"")
        else:
            self.assert_refused(outcome)

    @rule(code=CODES)
    def close(self, code: int) -> None:
        """Contract 5.4: closing twice is no error. Contract 3.2: before accept it is a refusal."""
        assert self.outcome(self.websocket.close(code)) is None
        if self.answer is None:
            self.answer, self.end = "deny", (1006, "us")
            assert self.transport.answer == ("deny", 403, [], b"")
        elif self.end is None:
            self.close_frame, self.end = code, (code, "us")
            self.unread.clear()

    @rule(text=TEXT)
    def send(self, text: str) -> None:
        outcome = self.outcome(self.websocket.send_text(text))
        if self.answer == "accept" and self.end is None:
            assert outcome is None
            self.sent.append(text)
        elif self.end is not None:
            self.assert_ended(outcome)
        else:
            assert isinstance(outcome, WebSocketStateError)

    @precondition(lambda self: self.answer != "accept" or self.unread or self.end)
    @rule()
    def receive(self) -> None:
        outcome = self.outcome(self.websocket.receive())
        if self.unread:
            assert outcome == self.unread.pop(0)
        elif self.end is not None:
            self.assert_ended(outcome)
        else:
            assert isinstance(outcome, WebSocketStateError)

    @precondition(lambda self: self.answer == "accept" and not self.peer_gone)
    @rule(text=TEXT)
    def peer_sends(self, text: str) -> None:
        self.transport.arrive(text)
        self.run(settle())
        if self.end is None:
            self.unread.append(Message("text", text))

    @precondition(lambda self: self.answer == "accept" and not self.peer_gone)
    @rule(code=CODES)
    def peer_closes(self, code: int) -> None:
        self.transport.peer_closes(code, "bye")
        self.run(settle())
        self.peer_gone = True
        if self.end is None:
            self.unread.append(Message("close", "bye", code, "bye"))
            self.end = (code, "peer")

    @precondition(lambda self: self.answer == "accept" and not self.peer_gone)
    @rule()
    def peer_is_lost(self) -> None:
        self.transport.peer_is_lost()
        self.run(settle())
        self.peer_gone = True
        if self.end is None:
            self.end = (1006, "lost")

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.websocket.closed == (self.end is not None)
        assert self.transport.sent == self.sent
        frame = self.transport.close_frame
        assert (frame and frame[0]) == self.close_frame

    @invariant()
    def waiting_for_the_end_ends_with_it(self) -> None:
        """It is over when the peer's half is, too (RFC 6455 section 7.1.4)."""

        async def over() -> bool:
            waiting = asyncio.ensure_future(self.websocket.wait_closed())
            await settle()
            over = waiting.done()
            waiting.cancel()
            return over

        assert self.run(over()) == (self.answer == "deny" or self.peer_gone)


class CancelSafeLife(Life):
    """The same where readers run the server's receive themselves, with a watch that looks all the time."""

    way = "cancel safe"

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("anysocket._watch.INTERVAL", 0.0)
        super().__init__()

    def teardown(self) -> None:
        self.patch.undo()
        super().teardown()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestCancelSafeLife = CancelSafeLife.TestCase
TestCancelSafeLife.settings = TestLife.settings


async def test_nothing_can_be_done_while_the_handshake_is_being_answered() -> None:
    """On raw RSGI a second ``accept()`` would end the server's process."""
    transport = FakeTransport()
    transport.accept_waits_for = asyncio.get_running_loop().create_future()
    websocket = WebSocket(transport)
    accepting = asyncio.create_task(websocket.accept())
    await settle()
    for call in (websocket.accept, websocket.deny, websocket.close):
        with pytest.raises(WebSocketStateError, match="while the WebSocket is accepting"):
            await call()
    with pytest.raises(WebSocketStateError, match="call accept\\(\\) first"):
        await websocket.send_text("too early")
    transport.accept_waits_for.set_result(None)
    await accepting
    await websocket.send_text("now")
    assert transport.sent == ["now"]
