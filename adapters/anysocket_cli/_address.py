"""The address a server is going to listen on, looked at before the server starts."""

from __future__ import annotations

import errno
import socket

from anysocket_cli._mistakes import Mistake

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def free_port(host: str, port: int) -> int:
    """``port`` if a server can listen there, or any free one when it is 0.

    Raises :class:`Mistake` if it is taken, not allowed, or ``host`` is not an address of this machine. Asked
    here and not left to the servers because each says it differently, Hypercorn with a traceback, and Granian
    not at all: it shares the port with another server that agrees to that, and each gets some of the clients.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As every server does: a port whose last connections are fading away is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
            bound: int = probe.getsockname()[1]
            return bound
    except (socket.gaierror, UnicodeError) as error:  # the latter for what cannot even be looked up
        raise Mistake(f"--host {host!r} is not an address of this machine: try 127.0.0.1") from error
    except OSError as error:
        raise Mistake(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program: end that one, or choose another --port"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed to you: choose a --port from 1024 on"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is not an address of this machine: try 127.0.0.1, or 0.0.0.0 for every network"
    return f"cannot listen on {host}, port {port}: {error.strerror}"


def web_address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    name = _WILDCARDS.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"
