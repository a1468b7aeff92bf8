"""How RSGI says that a connection is over: Granian's own classes, or look-alikes where it is missing."""

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
