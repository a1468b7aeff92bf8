"""The errors of anysocket, all of them.

    ConnectionError (built in)
    └── ConnectionClosed           the connection is over: code, reason, by whom
    RuntimeError (built in)
    └── WebSocketStateError        misuse: the call does not fit the connection's state
        └── UnsupportedByTransport the server cannot do what was asked
    Exception (built in)
    ├── Denied                     raised by users before accept(): refuse with this HTTP response
    ├── LimitExceeded              a limit was reached: which, and its value
    └── BackplaneError             publishing while the backplane is down

Every failure of a *connection* is a ``ConnectionError``, so a handler written as
``except ConnectionError:`` works on every server. What is wrong with the *program* is a
``RuntimeError``, ``TypeError`` or ``ValueError`` and is never mistaken for a peer that left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

HeaderPairs = Iterable[tuple[str | bytes, str | bytes]] | Mapping[str, str]
"""Headers as users may give them: a mapping, or pairs when order or duplicates matter."""

EndedBy = Literal["peer", "us", "lost"]
"""Who ended a connection: ``peer`` sent a close frame, ``us`` did, or it was ``lost`` without one."""


class ConnectionClosed(ConnectionError):
    """The connection is over.

    ``code`` and ``reason`` are those of the close frame (RFC 6455 section 7.1.5 and 7.1.6): 1005 when
    the frame carried no code or the server does not tell it, 1006 when there was no close frame.
    ``by`` says who ended it: ``"peer"``, ``"us"`` or ``"lost"``.
    """

    def __init__(self, code: int, reason: str = "", by: EndedBy = "peer") -> None:
        super().__init__(code, reason, by)
        self.code = code
        self.reason = reason
        self.by: EndedBy = by

    def again(self) -> ConnectionClosed:
        """The same end as a new exception: one raised twice would drag its first traceback along."""
        return ConnectionClosed(self.code, self.reason, self.by)

    def __str__(self) -> str:
        who = {"peer": "closed by the peer", "us": "closed by us", "lost": "lost without a close frame"}
        detail = f" ({self.reason!r})" if self.reason else ""
        return f"connection {who[self.by]}, code {self.code}{detail}"


class WebSocketStateError(RuntimeError):
    """The call does not fit the state of the WebSocket: sending before ``accept()``, accepting twice,
    a second task receiving. A bug of the program, not of the peer."""


class UnsupportedByTransport(WebSocketStateError):
    """The server that runs the program cannot do this. The message names the server, the missing
    :class:`~anysocket.Capability` and the way out."""


class Denied(Exception):
    """Raise it before ``accept()``, from any depth, to refuse the upgrade with an HTTP response.

    ``status`` is an HTTP status from 400 to 599, ``body`` bytes or str (encoded as UTF-8). Where the
    server lacks ``Capability.DENIAL_BODY`` the status alone is sent. A handler that lets it out after
    ``accept()`` closes with 1008 instead, as HTTP is over by then.
    """

    def __init__(self, status: int = 403, headers: HeaderPairs = (), body: bytes | str = b"") -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.body = body

    def __str__(self) -> str:
        return f"denied with HTTP status {self.status}"


class LimitExceeded(Exception):
    """A limit was reached. ``limit`` is its name, ``value`` what it is set to."""

    def __init__(self, limit: str, value: int | float) -> None:
        super().__init__(limit, value)
        self.limit = limit
        self.value = value

    def __str__(self) -> str:
        return f"limit {self.limit} of {self.value} reached"


class BackplaneError(Exception):
    """Publishing to other processes failed: the backplane is down."""


class PartitionError(BackplaneError):
    """The backplane reaches other processes, but not all of them, and to start it anew does not help."""


def first_of(error: BaseException) -> BaseException:
    """Of a group the first error in it, however deep; any other error as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def in_words(error: BaseException | None) -> str:
    """An error of a library, for people; some have nothing to say."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
