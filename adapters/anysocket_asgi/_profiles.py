"""What each ASGI server does differently, in one table.

A server is known by where its ``send`` comes from. One that is unknown, or hidden behind a
middleware's ``send``, is taken by what its scope announces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

from anysocket import Capability, Scope
from anysocket_asgi._behind import (
    Abort,
    Flow,
    daphne_abort,
    daphne_be_patient,
    daphne_flow,
    granian_abort,
    hypercorn_abort,
    hypercorn_flow,
    uvicorn_abort,
)

Found = TypeVar("Found")
C = Capability
MAX_WRAPPERS = 64
"""How many layers of middleware to look through for the server."""
BASIC = C.SUBPROTOCOL | C.CLOSE_CODE | C.PEER_CLOSE_CODE


def _any_code(code: int) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Profile:
    """One server: what it can carry and where it needs care."""

    server: str
    origins: tuple[str, ...]
    """Modules that its ``send`` comes from, for connections and for the lifespan."""
    capabilities: Capability
    carries_code: Callable[[int], bool] = _any_code
    """Which close codes it takes; another one would raise and leave the connection open."""
    joins_denial_headers: bool = False
    """Two denial headers of one name end its process: they are joined to one (RFC 9110 section 5.3)."""
    cancel_safe: bool = True
    """Whether a receive that is cancelled loses no message."""
    own_task: bool = False
    """Whether a receive looks at the task that called it, and so must run in one that nobody cancels: streams
    of anyio pass over a receiver whose task is about to be cancelled, and never wake it again."""
    answers_late: bool = False
    """Whether it answers the peer's close only when it reads on, or is told to close as well."""
    keeps_open: bool = False
    """Whether it keeps a connection that the app has left without a close, as a cancelled handler does."""
    linger: float = 0.0
    """Seconds to go on receiving after a close of ours; 0 where the server reads on by itself."""
    answers_for_app: bool = True
    """Whether it answers a request to which the app gives no response."""
    abort: Callable[[Any, Scope], Abort] | None = None
    """How to find what ends TCP, for servers that would wait until a peer has taken, or refused, the last
    byte that is on its way to it."""
    flow: Callable[[Any], Flow] | None = None
    """How to find whether it holds much for the peer, for servers whose ``send`` never waits."""
    be_patient: Callable[[Any], None] | None = None
    """How to have it wait for the peer's answer to a close as long as we do."""
    cuts_at_end: bool = False
    """Whether, told to end, it cuts connections or cancels handlers that have not been told."""
    dies_of_cuts: bool = False
    """Whether its process dies, with the lifespan still to be left, if a send waits as it ends."""
    has_lifespan: bool = True
    """Whether it runs the lifespan protocol; else the first connection starts the app."""


UVICORN = (
    BASIC | C.ACCEPT_HEADERS | C.DENIAL_BODY | C.CLOSE_REASON | C.PEER_CLOSE_REASON | C.BACKPRESSURE | C.PING
)

PROFILES = (
    Profile(
        "uvicorn (websockets, legacy)",
        ("uvicorn.protocols.websockets.websockets_impl",),
        UVICORN | C.LOST_IS_1006,
        abort=uvicorn_abort,
    ),
    Profile("uvicorn (picows)", ("anysocket_picows.",), UVICORN | C.LOST_IS_1006, abort=uvicorn_abort),
    Profile("uvicorn", ("uvicorn.",), UVICORN, abort=uvicorn_abort),
    Profile(
        "Hypercorn",
        ("hypercorn.",),
        C.SUBPROTOCOL | C.ACCEPT_HEADERS | C.DENIAL_BODY | C.CLOSE_CODE | C.CLOSE_REASON | C.BACKPRESSURE,
        # What the peer still sends fills a queue of ten; a full one keeps the connection open for ever.
        linger=2.0,
        abort=hypercorn_abort,
        flow=hypercorn_flow,
        cuts_at_end=True,
    ),
    Profile(
        "Daphne",
        ("daphne.",),
        BASIC | C.LOST_IS_1006 | C.BACKPRESSURE | C.PING,
        carries_code=lambda code: code == 1000 or 3000 <= code <= 4999,
        keeps_open=True,
        abort=daphne_abort,
        flow=daphne_flow,
        be_patient=daphne_be_patient,
        answers_for_app=False,
        cuts_at_end=True,
        has_lifespan=False,
    ),
    Profile(
        "Granian ASGI",
        ("granian.",),
        BASIC | C.DENIAL_BODY | C.CLOSE_REASON | C.BACKPRESSURE,
        joins_denial_headers=True,
        answers_late=True,
        cancel_safe=False,
        abort=granian_abort,
        cuts_at_end=True,
        dies_of_cuts=True,  # "Cannot drop pointer into Python heap without the thread being attached".
    ),
    Profile(
        "Starlette's TestClient",
        ("anyio.streams.",),
        BASIC | C.ACCEPT_HEADERS | C.DENIAL_BODY | C.CLOSE_REASON | C.PEER_CLOSE_REASON | C.LOST_IS_1006,
        cancel_safe=False,
        own_task=True,
    ),
)


def find_profile(scope: Mapping[str, Any], send: Any) -> Profile:
    """The server's row of the table, or one made of what the scope announces."""
    origin = _origin(send)
    for profile in PROFILES:
        if origin.startswith(profile.origins):
            return profile
    return Profile("this ASGI server", (), _announced(scope), cancel_safe=False, own_task=True)


def is_known(profile: Profile) -> bool:
    return bool(profile.origins)


def find_abort(profile: Profile, send: Any, scope: Scope) -> Abort | None:
    """What ends TCP, None if the server keeps it elsewhere by now."""
    return _find(profile.abort, send, scope)


def find_flow(profile: Profile, send: Any) -> Flow | None:
    """Whether the server holds much for the peer, None where its ``send`` waits, or it cannot be told."""
    return _find(profile.flow, send)


def be_patient(profile: Profile, send: Any) -> None:
    """Have the server wait for the peer's answer to a close as long as we do, where it would not."""
    _find(profile.be_patient, send)


def _find(find: Callable[..., Found] | None, send: Any, *scope: Scope) -> Found | None:
    if find is None:
        return None
    try:
        return find(_of_server(send), *scope)
    except (AttributeError, LookupError):
        return None


def _of_server(send: Any) -> Any:
    """The server's own ``send``. Frameworks and middleware wrap it; by custom the wrapper is a function
    around one named ``send``."""
    for _ in range(MAX_WRAPPERS):
        if not isinstance(send, FunctionType) or "send" not in send.__code__.co_freevars:
            break
        send = (send.__closure__ or ())[send.__code__.co_freevars.index("send")].cell_contents
    return send


def _origin(send: Any) -> str:
    """The module of the class whose method ``send`` is."""
    send = _of_server(send)
    send = getattr(send, "func", send)  # functools.partial
    owner = getattr(send, "__self__", None)
    # uvicorn's lifespan is one for all of its WebSocket implementations: its configuration names it.
    implementation = getattr(getattr(owner, "config", None), "ws_protocol_class", None)
    if implementation is not None and type(owner).__module__.startswith("uvicorn.lifespan."):
        return str(implementation.__module__)
    return str(type(owner).__module__ if owner is not None else getattr(send, "__module__", ""))


def _announced(scope: Mapping[str, Any]) -> Capability:
    """ASGI's versions: 2.1 has headers in accept, 2.3 a reason in close, 2.4 one in disconnect."""
    version = _version(scope.get("asgi", {}).get("spec_version", "2.0"))
    capabilities = BASIC | C.LOST_IS_1006
    if version >= (2, 1):
        capabilities |= C.ACCEPT_HEADERS
    if version >= (2, 3):
        capabilities |= C.CLOSE_REASON
    if version >= (2, 4):
        capabilities |= C.PEER_CLOSE_REASON
    if "websocket.http.response" in (scope.get("extensions") or {}):
        capabilities |= C.DENIAL_BODY
    return capabilities


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())
