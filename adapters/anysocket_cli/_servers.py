"""The servers: one table that says what each needs, what it cannot do, and how it is started."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from anysocket_cli._mistakes import Mistake

Interface = Literal["rsgi", "asgi"]


@dataclass(frozen=True)
class Launch:
    """What to start: the app as ``module:attribute``, and how."""

    target: str
    host: str
    port: int
    workers: int = 1
    reload: bool = False
    interface: Interface = "asgi"
    ws: str | None = None
    """Which of the server's WebSocket implementations, None for its own choice."""


@dataclass(frozen=True)
class Implementation:
    """One of several WebSocket implementations of a server: what the server calls it, the module that it
    needs, and what pip installs for it."""

    argument: str
    needs: str
    install: str


@dataclass(frozen=True)
class Server:
    """One row of the table.

    ``needs`` are the modules it cannot run WebSockets without; where one of several is enough they stand in
    one inner tuple. ``obstacle`` names what in a launch this server cannot do, with the way out, or is empty.
    ``arguments`` is the command line after ``python -m name``. ``implementations`` are those of WebSocket, by
    name, where one can choose.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    interfaces: tuple[Interface, ...]
    obstacle: Callable[[Launch], str]
    arguments: Callable[[Launch], list[str]]
    implementations: Mapping[str, Implementation] = field(default_factory=dict)


def _granian_obstacle(launch: Launch) -> str:
    if launch.reload and not is_importable("watchfiles"):
        return '--reload on granian needs watchfiles: pip install "granian[reload]"'
    if os.path.exists("__init__.py"):
        # Granian turns "module" into a path, walks up while it finds an __init__.py, and so would look for
        # "folder.module" instead.
        folder = os.path.basename(os.getcwd())
        return (
            f"the current folder is a package itself, so Granian would look for {folder}.{launch.target}: "
            "start it from another folder, for your own app from the one above"
        )
    return ""


def _granian_arguments(launch: Launch) -> list[str]:
    # One runtime thread and no hop between threads for each message ("st") is the faster way for WebSockets;
    # Granian's own choice differs by interface. The task implementation is spelled out so that no environment
    # variable brings in the other one, which leaks WebSockets and cannot cancel.
    arguments = ["--interface", launch.interface, "--runtime-mode", "st", "--task-impl", "asyncio"]
    # A worker that is told to stop while it still starts loses the signal, and Granian would wait for it for
    # ever. Longer than an app may take to close its connections.
    arguments += ["--workers-kill-timeout", "15"]
    arguments += ["--host", launch.host, "--port", str(launch.port), "--workers", str(launch.workers)]
    return [*arguments, *(["--reload"] if launch.reload else []), launch.target]


def _uvicorn_obstacle(launch: Launch) -> str:
    if launch.reload and launch.workers > 1:
        return (
            f"uvicorn has either --reload or --workers {launch.workers}, not both: "
            "leave --workers out while you develop"
        )
    return ""


def _uvicorn_arguments(launch: Launch) -> list[str]:
    # Without a limit, one handler that sleeps keeps uvicorn from ever ending.
    arguments = ["--host", launch.host, "--port", str(launch.port), "--timeout-graceful-shutdown", "10"]
    if launch.ws is not None:
        arguments += ["--ws", IMPLEMENTATIONS[launch.ws].argument]
    how = ["--reload"] if launch.reload else ["--workers", str(launch.workers)]
    return [*arguments, *how, launch.target]


IMPLEMENTATIONS = {
    "picows": Implementation("anysocket_picows:WebSocketProtocol", "picows", '"anysocket[picows]"'),
    "websockets-sansio": Implementation("websockets-sansio", "websockets", '"anysocket[uvicorn]"'),
    "wsproto": Implementation("wsproto", "wsproto", '"anysocket[uvicorn]" wsproto'),
}
"""Of uvicorn, one of them of ours."""


def _no_obstacle(launch: Launch) -> str:
    return ""


def _hypercorn_arguments(launch: Launch) -> list[str]:
    host = f"[{launch.host}]" if ":" in launch.host else launch.host
    # Hypercorn pings nobody unless told to, and then never learns that a silent peer is gone.
    arguments = ["--bind", f"{host}:{launch.port}", "--websocket-ping-interval", "20"]
    arguments += ["--workers", str(launch.workers)]
    return [*arguments, *(["--reload"] if launch.reload else []), launch.target]


def _daphne_obstacle(launch: Launch) -> str:
    if launch.workers > 1:
        return (
            f"daphne has no --workers (given: {launch.workers}), it is one process: leave it out, "
            "or use another --server"
        )
    if launch.reload:
        return "daphne has no --reload: use --server uvicorn while you develop"
    return ""


def _daphne_arguments(launch: Launch) -> list[str]:
    # Daphne ends every WebSocket after a day by default; -1 is for ever.
    return ["--bind", launch.host, "--port", str(launch.port), "--websocket_timeout=-1", launch.target]


# In the order in which they are tried when the user names none.
SERVERS: dict[str, Server] = {
    server.name: server
    for server in (
        Server("granian", (("granian",),), ("rsgi", "asgi"), _granian_obstacle, _granian_arguments),
        Server(
            "uvicorn",
            (("uvicorn",), ("websockets", "wsproto")),
            ("asgi",),
            _uvicorn_obstacle,
            _uvicorn_arguments,
            IMPLEMENTATIONS,
        ),
        Server("hypercorn", (("hypercorn",),), ("asgi",), _no_obstacle, _hypercorn_arguments),
        Server("daphne", (("daphne",),), ("asgi",), _daphne_obstacle, _daphne_arguments),
    )
}


def choose_server(name: str | None, ws: str | None = None) -> Server:
    """The server of this name, or the first installed one when it is None; with ``ws`` one that has this
    WebSocket implementation.

    Raises :class:`Mistake` with the command that installs it when it is not installed, and for an
    implementation that the server of this name does not have.
    """
    if ws is not None:
        return _choose_by_implementation(name, ws)
    if name is not None:
        server = SERVERS[name]
        if missing := _missing_module(server):
            raise Mistake(f'server {name} needs {missing}: pip install "anysocket[{name}]"')
        return server
    for server in SERVERS.values():
        if not _missing_module(server):
            return server
    raise Mistake(f'no server is installed (of {", ".join(SERVERS)}): pip install "anysocket[granian]"')


def _choose_by_implementation(name: str | None, ws: str) -> Server:
    owners = [server for server in SERVERS.values() if ws in server.implementations]
    server = owners[0] if name is None else SERVERS[name]
    if server not in owners:
        raise Mistake(
            f"--ws {ws} is one of {owners[0].name}'s, and --server is {name}: leave one of them out"
        )
    implementation = server.implementations[ws]
    for module in (server.name, implementation.needs):
        if not is_importable(module):
            raise Mistake(f"--ws {ws} needs {module}: pip install {implementation.install}")
    return server


def _missing_module(server: Server) -> str:
    for alternatives in server.needs:
        if not any(is_importable(module) for module in alternatives):
            return " or ".join(alternatives)
    return ""


def is_importable(module: str) -> bool:
    """Whether a top-level module is installed, found out without importing it."""
    return importlib.util.find_spec(module) is not None


def command(server: Server, launch: Launch) -> list[str]:
    """The whole command line that runs ``launch`` on ``server``.

    Raises :class:`Mistake` when the server cannot do what is asked.
    """
    if obstacle := server.obstacle(launch):
        raise Mistake(obstacle)
    return [sys.executable, "-m", server.name, *server.arguments(launch)]


def start(command_line: list[str]) -> NoReturn:
    """Become the server: this process is replaced and keeps its process id.

    Rather than run it in a child or through its Python API: Ctrl+C, SIGTERM and the exit status are then the
    server's own with nobody in between to pass them on, and the servers that start workers or reload by
    running ``__main__`` once more find their own there and not ours.
    """
    # What is still in our buffers would be lost with this process.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command_line[0], command_line)
