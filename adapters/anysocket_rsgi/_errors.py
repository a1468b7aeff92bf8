"""How RSGI says that a connection is over: Granian's own classes, or look-alikes where it is missing. And how
an ASGI app has no lifespan."""

from __future__ import annotations

import importlib


class _ProtocolError(RuntimeError):
    """A call that does not fit the connection's state."""


class _ProtocolClosed(RuntimeError):
    """The connection is gone."""


ProtocolError: type[RuntimeError] = _ProtocolError
ProtocolClosed: type[RuntimeError] = _ProtocolClosed

try:
    _rsgi = importlib.import_module("granian.rsgi")
except ImportError:
    pass
else:
    ProtocolError, ProtocolClosed = _rsgi.ProtocolError, _rsgi.ProtocolClosed

FAILURES: tuple[type[BaseException], ...] = (ProtocolClosed, ProtocolError)


class NoLifespan(Exception):
    """The ASGI app raised without a word of its start, which is how it tells that it does not support the
    lifespan protocol; the cause is what it raised. If it ``was_told`` to start, it may be a mistake."""

    def __init__(self, *, was_told: bool) -> None:
        super().__init__("the ASGI app does not support the lifespan protocol")
        self.was_told = was_told
