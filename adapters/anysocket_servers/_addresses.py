"""Where to let a server process listen, and how each is told."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import tempfile

from anysocket_servers._certificates import certificates
from anysocket_servers._endpoint import Endpoint
from anysocket_servers._ports import claim_port, give_back
from anysocket_servers._table import Server

LISTEN = {
    ("granian", False): "--host {host} --port {port}",
    ("granian", True): "--uds {path}",
    ("uvicorn", False): "--host {host} --port {port}",
    ("uvicorn", True): "--uds {path}",
    ("hypercorn", False): "--bind {bind}:{port}",
    ("hypercorn", True): "--bind unix:{path}",
    ("daphne", False): "--bind {host} --port {port}",
    ("daphne", True): "--unix-socket {path}",
}
"""The options of each program, for TCP and for a unix socket."""


def free_endpoint(server: Server, host: str) -> Endpoint:
    """An address that nobody listens on, for this server until it is forgotten."""
    trust = certificates().trust() if server.transport == "tls" else None
    if server.transport == "unix":
        path = os.path.join(tempfile.mkdtemp(prefix="anysocket-"), "socket")
        return Endpoint(host, 0, path, trust, server.http_version)
    return Endpoint(host, claim_port(host), None, trust, server.http_version)


def forget(endpoint: Endpoint) -> None:
    """Give back what :func:`free_endpoint` made, once the server has ended."""
    give_back(endpoint.host, endpoint.port)
    if endpoint.unix_path is not None:
        with contextlib.suppress(OSError):
            os.unlink(endpoint.unix_path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(endpoint.unix_path))


def is_open(endpoint: Endpoint) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError):
        if endpoint.unix_path is not None:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(endpoint.unix_path)
        else:
            socket.create_connection((endpoint.host, endpoint.port), 1).close()
        return True
    return False


def command_line(server: Server, app: str, endpoint: Endpoint) -> list[str]:
    """What follows ``python`` to serve ``app`` there."""
    files = certificates() if endpoint.trust is not None else None
    names = {
        "{app}": app,
        "{host}": endpoint.host,
        "{bind}": f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host,
        "{port}": str(endpoint.port),
        "{path}": str(endpoint.unix_path),
        "{certificate}": str(files and files.certificate),
        "{key}": str(files and files.key),
    }
    text = server.command
    if "{address}" in text:
        program = text.split()[0]
        text = text.replace("{address}", LISTEN[program, endpoint.unix_path is not None])
    # Split before the names are replaced: a path may have spaces.
    parts = shlex.split(text)
    for name, value in names.items():
        parts = [part.replace(name, value) for part in parts]
    return ["-m", *parts]
