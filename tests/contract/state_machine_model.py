"""What the table of ``anysocket._state`` says about a sequence of calls: the outcome of each, and what the
peer sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from anysocket import Capability, ConnectionClosed
from anysocket._state import TRANSITIONS, Event, State
from anysocket.testing._case import close_seen, loss_seen, peer_close_seen, peer_end_seen
from anysocket.testing._stage import ended

LONG = 5.0
"""Seconds within which everything comes that is to come."""
OURS = (4001, "ours")
THEIRS = (4002, "theirs")
DENIED_WITH = 429

HANDLER = ("accept", "deny", "denied", "send", "receive", "close", "wait", "return", "raise")
PEER = ("peer sends", "peer reads", "peer closes", "peer aborts", "peer hangs up")


@dataclass(frozen=True)
class Step:
    """One call of the handler or of the peer, with what must come of it."""

    call: str
    argument: Any
    expected: str

    @property
    def peers(self) -> bool:
        return self.call in PEER


@dataclass
class Model:
    """The connection as the table has it. ``answers`` says whether the peer answers a close by itself, as
    clients over sockets do, and ``short`` how long to wait for what does not come."""

    capabilities: Capability
    answers: bool
    short: float
    steps: list[Step] = field(default_factory=list)
    state: State = State.CONNECTING
    visited: set[tuple[State, Event]] = field(default_factory=set)
    """What was asked of the table."""
    refused: int = 0
    """The status that the peer gets instead of a connection."""
    over: bool = False
    """Whether the handler has ended."""
    end: str = ""
    """What the handler's calls raise from now on."""
    inbox: list[str] = field(default_factory=list)
    wire: list[str] = field(default_factory=list)
    """What the peer has not read."""
    peer_end: str = ""
    """What the peer's calls raise, after its own close or loss."""
    read_end: str = ""
    """The same, after it has read the close."""
    sent: int = 0

    @property
    def connected(self) -> bool:
        return self.state not in (State.CONNECTING, State.DENIED)

    def play(self, calls: Sequence[str]) -> None:
        """Plan each of the calls that is possible, then the handler's end and all that the peer reads."""
        for call in calls:
            self.call(call)
        self.call("return")
        while self.connected and not (self.steps[-1].call == "peer reads" and self.read_end):
            self.call("peer reads")

    def call(self, call: str) -> None:
        """Plan a call: of the handler while it runs, of the peer once it is connected."""
        if self.connected if call in PEER else not self.over:
            getattr(self, call.replace(" ", "_") + "_")()

    # -- the table --

    def take(self, event: Event) -> bool:
        """Whether the event is possible; then it has happened."""
        self.visited.add((self.state, event))
        after = TRANSITIONS[self.state].get(event)
        if after is not None:
            self.state = after
        return after is not None

    def misuse(self) -> str:
        return self.end if self.end and self.state is not State.DENIED else "WebSocketStateError"

    def ends(self, end: str) -> None:
        self.end = self.end or end

    # -- the handler --

    def does(self, call: str, argument: Any, outcome: str) -> None:
        if call in ("return", "raise", "denied"):
            self.over = True
        else:
            outcome += f", closed: {bool(self.end)}"
        self.steps.append(Step(call, argument, outcome))

    def accept_(self) -> None:
        possible = self.take(Event.ACCEPT) and self.take(Event.ACCEPTED)
        self.does("accept", None, "done" if possible else self.misuse())

    def deny_(self) -> None:
        outcome = "done" if self.refuse(Event.DENY, 404) else self.misuse()
        self.does("deny", 404, outcome)

    def refuse(self, event: Event, status: int) -> bool:
        if not self.take(event):
            return False
        if not self.refused:
            self.refused = status
            self.ends(ended(ConnectionClosed(1006, f"denied with HTTP status {status}", "us")))
        return True

    def close_(self) -> None:
        if self.state is State.CONNECTING:
            self.refuse(Event.CLOSE, 403)
        else:
            self.shut(*OURS, drop_unread=True)
        self.does("close", OURS, "done")
        self.answer()

    def shut(self, code: int, reason: str, *, drop_unread: bool = False) -> None:
        """The app's close frame, if it is still to be sent."""
        is_first = self.state is State.OPEN
        assert self.take(Event.CLOSE)
        if is_first:
            self.ends(ended(ConnectionClosed(code, reason, "us")))
            self.inbox.clear()
            self.wire.append(close_seen(self.capabilities, code, reason))

    def answer(self) -> None:
        """A peer that answers by itself has the last word on our close."""
        if self.answers and self.state is State.CLOSING:
            self.take(Event.PEER_CLOSED)
            self.wait_()

    def send_(self) -> None:
        self.sent += 1
        text = f"from the app {self.sent}"
        if self.state is State.OPEN:
            self.wire.append(f"text {text!r}")
            self.does("send", text, "done")
        else:
            self.does("send", text, self.end or "WebSocketStateError")

    def receive_(self) -> None:
        if self.inbox:
            self.does("receive", LONG, self.inbox.pop(0))
        elif self.end:
            self.does("receive", LONG, self.end)
        elif self.state is State.OPEN:
            self.does("receive", self.short, "TimeoutError")
        else:
            self.does("receive", LONG, "WebSocketStateError")

    def wait_(self) -> None:
        is_over = self.state in (State.CLOSED, State.DENIED)
        self.does("wait", LONG if is_over else self.short, "done" if is_over else "TimeoutError")

    def return_(self) -> None:
        self.leave("return", None, 403, 1000)

    def raise_(self) -> None:
        self.leave("raise", None, 500, 1011)

    def denied_(self) -> None:
        self.leave("denied", DENIED_WITH, DENIED_WITH, 1008)

    def leave(self, call: str, argument: Any, status: int, code: int) -> None:
        """The handler ends, and if it has not said how, the connection with it."""
        if self.state is State.CONNECTING:
            self.refuse(Event.DENY, status)
        elif self.state is State.OPEN:
            self.shut(code, "")
        self.does(call, argument, "done")

    # -- the peer --

    def peer_sends_(self) -> None:
        self.sent += 1
        text = f"from the peer {self.sent}"
        outcome = self.peer_end or self.read_end
        if not outcome and self.answers and self.state is not State.OPEN:
            outcome = "closed 1006 by lost"  # It has answered our close, and not read it.
        if not outcome and self.state is State.OPEN:
            self.inbox.append(f"text {text!r}")
        if not self.over:
            self.steps.append(Step("peer sends", text, outcome or "done"))

    def peer_reads_(self) -> None:
        if self.read_end:
            outcome = self.read_end
        elif self.wire:
            outcome = self.wire.pop(0)
            if outcome.startswith("close"):
                _, code, reason = outcome.split(" ", 2)
                self.read_end = self.peer_end or ended(ConnectionClosed(int(code), reason[1:-1], "peer"))
                self.take(Event.PEER_CLOSED)
        else:
            outcome = "nothing"
        self.steps.append(Step("peer reads", self.short if outcome == "nothing" else LONG, outcome))

    def peer_closes_(self) -> None:
        self.steps.append(Step("peer closes", THEIRS, "done"))
        if self.peer_end or self.read_end:
            return
        self.peer_end = ended(ConnectionClosed(*THEIRS, "us"))
        if self.state is State.OPEN:
            self.inbox.append(peer_close_seen(self.capabilities, *THEIRS))
            self.wire.append("close {} {!r}".format(*THEIRS))
            self.ends(peer_end_seen(self.capabilities, *THEIRS))
        self.gone(Event.PEER_CLOSED)

    def peer_aborts_(self) -> None:
        self.vanish("peer aborts")

    def peer_hangs_up_(self) -> None:
        self.vanish("peer hangs up")

    def vanish(self, call: str) -> None:
        if self.answers and self.inbox and self.state is State.OPEN and not self.over:
            # A reset takes along what is still on its way.
            self.does("unread", (len(self.inbox), LONG), "done")
        self.steps.append(Step(call, None, "done"))
        self.peer_end = self.peer_end or ended(ConnectionClosed(1006, "", "us"))
        self.read_end = self.read_end or self.peer_end
        is_told = Capability.LOST_IS_1006 in self.capabilities
        if self.state is State.OPEN:
            if not is_told:
                self.inbox.append("close 1005 ''")
            self.ends(loss_seen(self.capabilities))
        self.gone(Event.LOST if is_told else Event.PEER_CLOSED)

    def gone(self, event: Event) -> None:
        self.take(event)
        if not self.over:
            self.wait_()
