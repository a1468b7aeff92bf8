"""A contract case: one observable promise, as a handler, a client, and what both must see.

The handler is an ordinary one, written against :class:`anysocket.WebSocket`; a client plays against it over
whatever connects them. What both note is compared with what the case expects, so the same case tells about
anysocket on any transport, and, played with a handler on the bare server, about the server alone.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from anysocket._app import App
from anysocket._capability import Capability
from anysocket._errors import ConnectionClosed
from anysocket._websocket import WebSocket
from anysocket.testing._peer import Peer, Refused
from anysocket.testing._stage import HEADER, Backstage, Notebook, Stage, ended, seen

NOT_ANSWERED = "not answered"
SEE_TIMEOUT = 8.0
"""Seconds after which nothing has come."""
ALL = ~Capability(0)


class Connect(Protocol):
    """How a client connects: :func:`anysocket.testing.connect` without its app, and whatever is like it."""

    def __call__(
        self, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AbstractAsyncContextManager[Peer]:
        """A peer, connected inside ``async with``. Raises :class:`anysocket.testing.Refused`."""
        ...


@dataclass(frozen=True)
class Sight:
    """What the two sides of a play noted, or should note."""

    client: tuple[str, ...] = ()
    handler: tuple[str, ...] = ()

    def __str__(self) -> str:
        sides = (("client", self.client), ("handler", self.handler))
        return "; ".join(f"{side}: {', '.join(notes)}" for side, notes in sides if notes) or "nothing"

    def difference(self, expected: Sight) -> str:
        """In what this differs from what was expected, in words; ``""`` if in nothing."""
        pairs = (
            ("client", self.client, expected.client),
            ("handler", self.handler, expected.handler),
        )
        return "; ".join(
            f"{side}: {', '.join(own) or 'nothing'}" for side, own, other in pairs if own != other
        )


@dataclass
class Client:
    """The client's side of one play of a case. ``tools`` are what a kind of client has beyond a
    :class:`~anysocket.testing.Peer`: ``frames``, ``http``, ``process`` and so on, each named by the cases
    that need it."""

    case: Case
    token: str
    notebook: Notebook
    open: Connect
    capabilities: Capability = ALL
    tools: Mapping[str, Any] = field(default_factory=dict)
    base: str = ""
    """The path of an app of somebody else's; empty where the case's own handler is served."""
    notes: list[str] = field(default_factory=list)

    def connect(
        self, path: str = "", headers: Sequence[tuple[str, str]] = (), subprotocols: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[Peer]:
        """Connect to the case's handler; ``path`` follows the case's own, which begins it."""
        return self.open(self.path(path), headers=[*self.headers, *headers], subprotocols=subprotocols)

    def path(self, rest: str = "") -> str:
        """The case's own path, with more behind it."""
        return (self.base or f"/{self.case.name}") + rest

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What a handshake needs for its handler to find this stage."""
        return [(HEADER, self.token)]

    async def see(self, peer: Peer, timeout: float = SEE_TIMEOUT) -> str:
        """Receive what comes next and note it: a message, a close, ``lost``, or ``nothing`` after
        ``timeout`` seconds."""
        try:
            text = seen(await peer.receive(timeout))
        except ConnectionClosed as closed:
            text = "lost" if closed.by == "lost" else ended(closed)
        except AssertionError:
            text = "nothing"
        return self.note(text)

    async def see_end(self, peer: Peer, timeout: float = SEE_TIMEOUT) -> str:
        """As :meth:`see`, for the end of the connection: messages before it are passed over."""
        while True:
            text = await self.see(peer, timeout)
            if not text.startswith(("text", "bytes")):
                return text
            self.notes.pop()

    async def see_answer(
        self, path: str = "", headers: Sequence[tuple[str, str]] = (), subprotocols: Sequence[str] = ()
    ) -> Refused | None:
        """Connect, note how the handshake is answered (``accepted``, ``refused 403``, ``not answered``), and
        leave. Gives the refusal."""
        try:
            async with self.connect(path, headers, subprotocols):
                self.note("accepted")
        except Refused as refused:
            self.note(f"refused {refused.status}" if refused.status else NOT_ANSWERED)
            return refused
        except (AssertionError, OSError):
            self.note(NOT_ANSWERED)
        return None

    def note(self, text: str) -> str:
        """Tell what was seen."""
        self.notes.append(text)
        return text

    def cue(self, name: str) -> None:
        """Let the handler go on that waits for this cue."""
        self.notebook.give(self.token, name)

    async def noted(self, text: str) -> None:
        """Wait until the handler has noted this."""
        await self.notebook.noted(self.token, text)


class Case:
    """The base of all cases: subclass it, with the promise as the docstring, and it is one.

    ``clauses`` are those of the contract that it shows, ``group`` is where the matrix lists it.
    ``needs`` are the capabilities that its whole promise takes; :meth:`expected` says what a server without
    them must do instead. ``tools`` are what its client needs beyond a peer. ``bare`` says whether a bare
    server can play it: one has no rooms, for instance. ``own_server``: the play ends the server, or depends
    on its start. ``templates`` are the routes below the case's path, their parameters handed to the handler
    by name; without any it gets every path there. ``one_process``: its connections must meet in one process
    of the server.
    """

    clauses: ClassVar[tuple[str, ...]] = ()
    group: ClassVar[str] = ""
    needs: ClassVar[Capability] = Capability(0)
    tools: ClassVar[tuple[str, ...]] = ()
    bare: ClassVar[bool] = True
    own_server: ClassVar[bool] = False
    one_process: ClassVar[bool] = False
    templates: ClassVar[tuple[str, ...]] = ()
    client_sees: ClassVar[tuple[str, ...]] = ()
    handler_sees: ClassVar[tuple[str, ...]] = ()
    app_options: ClassVar[Mapping[str, Any]] = {}
    route_options: ClassVar[Mapping[str, Any]] = {}

    @property
    def name(self) -> str:
        """The class's name in kebab case."""
        return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "-", type(self).__name__).lower()

    @property
    def title(self) -> str:
        """The promise in one line."""
        return (type(self).__doc__ or "").strip().partition("\n")[0]

    def expected(self, capabilities: Capability) -> Sight:
        """What both sides must note on a transport with these capabilities."""
        return Sight(self.client_sees, self.handler_sees)

    def routes(self, app: App) -> None:
        """Add what the case needs beside its handler."""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """The server's side."""
        raise NotImplementedError

    async def client(self, client: Client) -> None:
        """The client's side."""
        raise NotImplementedError


def close_seen(capabilities: Capability, code: int, reason: str = "") -> str:
    """What a client sees of the app's close."""
    code = code if Capability.CLOSE_CODE in capabilities else 1005
    reason = reason if Capability.CLOSE_REASON in capabilities else ""
    return f"close {code} {reason!r}"


def peer_close_seen(capabilities: Capability, code: int, reason: str = "") -> str:
    """What a handler sees of the peer's close."""
    code = code if Capability.PEER_CLOSE_CODE in capabilities else 1005
    reason = reason if Capability.PEER_CLOSE_REASON in capabilities else ""
    return f"close {code} {reason!r}"


def peer_end_seen(capabilities: Capability, code: int, reason: str = "") -> str:
    """The end that a handler's calls raise after the peer's close."""
    _, told, reason = peer_close_seen(capabilities, code, reason).split(" ", 2)
    return f"closed {told}{'' if reason == repr('') else ' ' + reason} by peer"


def loss_seen(capabilities: Capability) -> str:
    """The end that a handler's calls raise when the connection ended with no close frame."""
    return "closed 1006 by lost" if Capability.LOST_IS_1006 in capabilities else "closed 1005 by peer"


def build_app(case: Case, backstage: Backstage) -> App:
    """The case's handler as an app of its own, at the path of its name and below."""
    app = App(**case.app_options)
    play = staged(case.handler, backstage)

    async def play_anywhere(websocket: WebSocket, rest: str = "") -> None:
        await play(websocket)

    handler = play if case.templates else play_anywhere
    for template in case.templates or ("", "/<path:rest>"):
        app.websocket(f"/{case.name}{template}", **case.route_options)(handler)
    case.routes(app)
    return app


def staged(handler: Callable[..., Awaitable[None]], backstage: Backstage) -> Callable[..., Awaitable[None]]:
    """``handler`` on the stage that a connection's header names."""

    async def play(websocket: Any, **parameters: Any) -> None:
        with backstage.open(websocket.headers.get(HEADER) or "none") as stage:
            await handler(websocket, stage, **parameters)

    return play


def subclasses(base: type[Case]) -> Iterator[Case]:
    """Every case that has been defined, in the order of definition."""
    for case in base.__subclasses__():
        yield from subclasses(case)
        if case.client is not Case.client and not case.__name__.startswith("_"):
            yield case()
