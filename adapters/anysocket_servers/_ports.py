"""TCP ports for servers, each for one of them, whatever other processes start servers at the same time."""

from __future__ import annotations

import random
import socket

PORTS = range(20_000, 32_000)
"""Below those that systems give to the sockets of clients."""
ATTEMPTS = 1000

_claims: dict[tuple[str, int], socket.socket] = {}
"""A UDP socket on each port that was given out: two servers may share a TCP port without a word, as Granian's
do, and these cannot."""


def claim_port(host: str) -> int:
    """A port of ``host`` that nobody listens on and nobody else claims, until :func:`give_back`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in random.sample(PORTS, ATTEMPTS):
        claim = socket.socket(family, socket.SOCK_DGRAM)
        try:
            claim.bind((host, port))
            _bind_once(family, host, port)
        except OSError:
            claim.close()
            continue
        _claims[host, port] = claim
        return port
    raise OSError(f"no free port on {host} among {ATTEMPTS} of {PORTS.start} to {PORTS.stop - 1}")


def _bind_once(family: socket.AddressFamily, host: str, port: int) -> None:
    """``OSError`` if somebody listens there. It must not listen itself: a process that another thread starts
    just then has the socket, too, until it has become its program, and a server would seem to be there."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def give_back(host: str, port: int) -> None:
    """The server has ended."""
    claim = _claims.pop((host, port), None)
    if claim is not None:
        claim.close()
