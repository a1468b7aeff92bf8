"""A TCP connection that the server keeps to itself, found by its addresses."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from anysocket import Address

OPEN_FILES = "/dev/fd"
"""The numbers of this process's open files, on Linux and on macOS."""


def end_tcp(server: Address | None, client: Address | None) -> None:
    """End this process's connection between the two at once; does nothing if there is none.

    What is not sent yet is not waited for: who waits gets an error. It looks at every open file, which is for
    connections that nothing else ends. None is the address of a unix socket, which has none.
    """
    if server is None or client is None:
        return
    ends = (server.host, server.port), (client.host, client.port)
    with contextlib.suppress(FileNotFoundError):  # A system that does not list them.
        for number in map(int, os.listdir(OPEN_FILES)):
            with contextlib.suppress(OSError):  # Closed meanwhile, or not connected.
                if stat.S_ISSOCK(os.fstat(number).st_mode):
                    _end_if_between(number, ends)


def _end_if_between(number: int, ends: tuple[tuple[str, int], tuple[str, int]]) -> None:
    with socket.socket(fileno=os.dup(number)) as found:
        if (found.getsockname()[:2], found.getpeername()[:2]) == ends:
            found.shutdown(socket.SHUT_RDWR)
