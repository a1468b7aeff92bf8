"""How RSGI says that a connection is over."""

from __future__ import annotations

try:
    from granian.rsgi import ProtocolClosed, ProtocolError
except ImportError:

    class ProtocolError(RuntimeError):  # type: ignore[no-redef]
        """A call that does not fit the connection's state, for servers and doubles without Granian."""

    class ProtocolClosed(RuntimeError):  # type: ignore[no-redef]
        """The connection is gone."""


FAILURES: tuple[type[BaseException], ...] = (ProtocolClosed, ProtocolError)

__all__ = ["FAILURES", "ProtocolClosed", "ProtocolError"]
