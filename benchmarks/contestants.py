"""Who takes part: a library's app on a server. Adding a library is one row here and an app in ``peers``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from anysocket import Capability
from anysocket_servers import BY_NAME, Running, Server, start
from benchmarks.dialects import PLAIN, SOCKET_IO, Plain
from benchmarks.peers import node

ROOT = Path(__file__).parent.parent
NODE = Server("node", "Node.js", (), "asgi", Capability(0), "benchmarks.peers.node {port}")
SERVERS = {**BY_NAME, NODE.name: NODE}
DEFAULT = ("granian-rsgi", "granian-asgi", "uvicorn-sansio", "uvicorn-picows", "hypercorn", "daphne", "node")
MAIN = ("granian-rsgi", "uvicorn-sansio", "uvicorn-picows")
"""Those on which the longer workloads run."""
TURNS = 5
QUIET = {
    "uvicorn": ("--log-level", "warning"),
    "hypercorn": ("--log-level", "warning"),
    "daphne": ("-v", "0"),
}
"""So that no line is written for each connection."""


@dataclass(frozen=True)
class Library:
    """``apps`` are modules and names in ``benchmarks.peers``, by their interface or by the server."""

    title: str
    apps: Mapping[str, str]
    packages: tuple[str, ...] = ()
    """What must be installed, by import name."""
    servers: tuple[str, ...] | None = None
    """Those that it is measured on by default; None: all that have the interface."""
    dialect: Plain = PLAIN


BOTH = ("uvicorn-sansio", "granian-asgi")
OURS = {"rsgi": "anysocket_app:app", "asgi": "anysocket_app:app"}
# fmt: off
LIBRARIES: Mapping[str, Library] = {
    "raw": Library("no library", {"rsgi": "raw_rsgi:app", "asgi": "raw_asgi:app"}),
    "anysocket": Library("anysocket", OURS),
    "starlette": Library("Starlette", {"asgi": "starlette_app:app"}),
    "fastapi": Library("FastAPI", {"asgi": "fastapi_app:app"}, ("fastapi",), BOTH),
    "litestar": Library("Litestar", {"asgi": "litestar_app:app"}, ("litestar",), BOTH),
    "socketio": Library("python-socketio", {"asgi": "socketio_app:app"}, ("socketio",), BOTH, SOCKET_IO),
    "channels": Library("Django Channels", {"asgi": "channels_app:app"}, ("channels",), (*BOTH, "daphne")),
    "quart": Library("Quart", {"asgi": "quart_app:app"}, ("quart",), BOTH),
    "ws": Library("ws", {"node": "ws.mjs"}, servers=("node",)),
    "starlette-shim": Library("Starlette, through the shim", {"rsgi": "shim:under_rsgi"}, servers=()),
    "raw-rsgi-shim": Library("RSGI app, through the shim", {"asgi": "shim:under_asgi"}, servers=()),
}
# fmt: on
ABSENT = {
    "Gobstopper": "on PyPI as Rust sources only, which could not be built where this was written",
}
"""Libraries that have no app here."""


@dataclass(frozen=True)
class Contestant:
    """A library on a server; ``backplane`` is the URL of what carries its rooms."""

    server: str
    library: str
    backplane: str = ""

    @property
    def name(self) -> str:
        return "/".join(filter(None, [self.server, self.library, self.backplane.partition(":")[0]]))

    @property
    def title(self) -> str:
        server = SERVERS[self.server].title if self.server in SERVERS else self.server
        carried = f", {self.backplane}" if self.backplane else ""
        return f"{LIBRARIES[self.library].title} on {server}{carried}"

    @property
    def dialect(self) -> Plain:
        return LIBRARIES[self.library].dialect

    def missing(self) -> str | None:
        """Why it cannot take part; None if it can."""
        if self.server not in SERVERS:
            return f"this version of anysocket has no server {self.server}"
        if self.server == NODE.name:
            return node.install()
        wanted = [*SERVERS[self.server].packages, *LIBRARIES[self.library].packages]
        if self.backplane.startswith("zenoh"):
            wanted.append("zenoh")
        absent = [package for package in wanted if importlib.util.find_spec(package) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    def start(self) -> AbstractContextManager[Running]:
        """Its server, for the length of a ``with`` block."""
        server, apps = SERVERS[self.server], LIBRARIES[self.library].apps
        app = apps.get(server.name) or apps[server.interface]
        environment = {"BACKPLANE": self.backplane} if self.backplane else {}
        arguments = QUIET.get(server.command.split()[0], ())
        return start(server, f"benchmarks.peers.{app}", ROOT, environment=environment, arguments=arguments)


@dataclass
class Field:
    """Those who can take part in this run, on the chosen servers; ``skipped`` says why others cannot."""

    servers: tuple[str, ...]
    quick: bool
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def turns(self) -> int:
        """In each round of what libraries are compared by."""
        return 1 if self.quick else TURNS

    def pick(self, chosen: Iterable[Contestant]) -> list[Contestant]:
        """Those of them who can."""
        able = []
        for contestant in chosen:
            if contestant.server.removesuffix("-2-workers") not in self.servers:
                continue
            reason = contestant.missing()
            if reason is None:
                able.append(contestant)
            else:
                self.skipped[contestant.title] = reason
        return able

    def libraries(self, *names: str, servers: Iterable[str] | None = None) -> list[Contestant]:
        """These libraries, each on the servers that it is for."""
        among = self.servers if servers is None else tuple(servers)
        return self.pick(
            Contestant(server, name)
            for server in among
            for name in names
            if self._fits(server, LIBRARIES[name])
        )

    def _fits(self, server: str, library: Library) -> bool:
        interface = SERVERS[server].interface if server in SERVERS else "asgi"
        listed = library.servers is None or server in library.servers
        return listed and (interface if server != NODE.name else server) in library.apps

    def floors(self) -> list[Contestant]:
        """The servers themselves and anysocket on them, on the main ones."""
        return self.libraries("raw", "anysocket", servers=self._main())

    def core(self) -> list[Contestant]:
        """And Starlette, which most other libraries are built on."""
        return self.libraries("raw", "anysocket", "starlette", servers=self._main())

    def all(self) -> list[Contestant]:
        """Everybody; in a quick run as :meth:`core`."""
        return self.core() if self.quick else self.libraries(*LIBRARIES)

    def _main(self) -> tuple[str, ...]:
        """Servers chosen by hand count as main ones."""
        return tuple(server for server in self.servers if server in MAIN or self.servers != DEFAULT)
