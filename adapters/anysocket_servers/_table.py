"""Every server that anysocket runs on, and how it is started. Adding a server is one row."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from anysocket import Capability
from anysocket.testing._memory import EVERYTHING
from anysocket_asgi._profiles import PROFILES
from anysocket_rsgi import CAPABILITIES as RSGI

PONG_TIMEOUT = 3
"""Seconds: short enough to wait for, longer than a busy machine keeps an answer on its way."""


@dataclass(frozen=True)
class Server:
    """One way to run an app.

    ``command`` follows ``python -m`` and names ``{app}`` and ``{address}`` (``{host}`` and ``{port}`` for a
    program that is not in this table), for TLS ``{certificate}`` and ``{key}`` too; without one the app runs
    in this process. ``capabilities`` are what its adapter declares.
    """

    name: str
    title: str
    """What people call it."""
    packages: tuple[str, ...]
    """What must be installed, by import name."""
    interface: Literal["rsgi", "asgi", "memory"]
    capabilities: Capability
    command: str = ""
    ready: str = ""
    """What the log says when connections are served, each line of it somewhere; accepting TCP connections
    alone is not enough where the parent process listens before its workers have loaded the app."""
    transport: Literal["tcp", "tls", "unix"] = "tcp"
    http_version: Literal["1.1", "2"] = "1.1"
    workers: int = 1
    lifespan: bool = True
    """Whether the app is told of the server's start and end."""
    denial_status: bool = True
    """Whether ``deny()`` chooses the status; else it is 403."""
    low_close_codes: bool = True
    """Whether close codes from 1001 to 2999 reach the peer; else they become 1000."""

    @property
    def ping_options(self) -> list[str]:
        """What makes it ping each second, and wait ``PONG_TIMEOUT`` for the answer, where it can (RFC 6455
        section 5.5.2)."""
        if not self.process or Capability.PING not in self.capabilities:
            return []
        prefix = "--ping" if self.packages[0] == "daphne" else "--ws-ping"
        return [f"{prefix}-interval", "1", f"{prefix}-timeout", str(PONG_TIMEOUT)]

    @property
    def process(self) -> bool:
        """Whether it is a process of its own, so that signals and resets are possible."""
        return bool(self.command)

    def expected_close(self, code: int, reason: str = "") -> tuple[int, str]:
        """Code and reason that a peer sees when the app closes with these."""
        if Capability.CLOSE_CODE not in self.capabilities:
            return 1005, ""
        if code < 3000 and not self.low_close_codes:
            code = 1000
        return code, reason if Capability.CLOSE_REASON in self.capabilities else ""

    def missing(self) -> list[str]:
        """The packages that it needs and this environment lacks."""
        return [name for name in self.packages if importlib.util.find_spec(name) is None]

    def __str__(self) -> str:
        return self.name


DECLARED = {profile.server: profile.capabilities for profile in PROFILES}
GRANIAN_ASGI = DECLARED["Granian ASGI"]
UVICORN = DECLARED["uvicorn"]
LEGACY = DECLARED["uvicorn (websockets, legacy)"]
PICOWS = DECLARED["uvicorn (picows)"]
HYPERCORN = DECLARED["Hypercorn"]
STARTED = "Started worker-1"


def granian(interface: str, options: str) -> str:
    return f"granian {{app}} --interface {interface} {options} {{address}} --no-respawn-failed-workers"


def uvicorn(websockets: str, loop: str = "asyncio") -> str:
    return f"uvicorn {{app}} --ws {websockets} --loop {loop} {{address}}"


def hypercorn(options: str = "") -> str:
    return f"hypercorn {{app}} --worker-class asyncio {options} {{address}}"


ST = granian("rsgi", "--runtime-mode st --loop asyncio")
ASGI = granian("asgi", "--loop asyncio")
MT = granian("rsgi", "--runtime-mode mt --runtime-threads 2 --loop asyncio")
TLS = "--ssl-certificate {certificate} --ssl-keyfile {key}"
G, H, W, WSPROTO = ("granian",), ("hypercorn",), ("uvicorn", "websockets"), ("uvicorn", "wsproto")
P = ("uvicorn", "picows")
ON_PICOWS = "anysocket_picows:WebSocketProtocol"

# fmt: off
SERVERS: tuple[Server, ...] = (
    Server("granian-rsgi", "Granian RSGI", G, "rsgi", RSGI, ST, STARTED),
    Server("granian-rsgi-mt", "Granian RSGI, runtime mode mt", G, "rsgi", RSGI, MT, STARTED),
    Server("granian-asgi", "Granian ASGI", G, "asgi", GRANIAN_ASGI, ASGI, STARTED),
    Server("uvicorn-sansio", "uvicorn, websockets-sansio", W, "asgi", UVICORN, uvicorn("websockets-sansio")),
    Server("uvicorn-wsproto", "uvicorn, wsproto", WSPROTO, "asgi", UVICORN, uvicorn("wsproto")),
    Server("uvicorn-legacy", "uvicorn, legacy websockets", W, "asgi", LEGACY, uvicorn("websockets")),
    Server("uvicorn-picows", "uvicorn, anysocket_picows", P, "asgi", PICOWS, uvicorn(ON_PICOWS)),
    Server("hypercorn", "Hypercorn", H, "asgi", HYPERCORN, hypercorn()),
    Server("daphne", "Daphne", ("daphne",), "asgi", DECLARED["Daphne"], "daphne {app} {address}",
           lifespan=False, denial_status=False, low_close_codes=False),
    Server("testclient", "Starlette's TestClient", ("starlette", "httpx2"), "asgi",
           DECLARED["Starlette's TestClient"]),
    Server("memory", "in memory", (), "memory", EVERYTHING),
)
"""One row for each server and interface."""

VARIANTS: tuple[Server, ...] = (
    Server("granian-rsgi-uvloop", "Granian RSGI, uvloop", ("granian", "uvloop"), "rsgi", RSGI,
           granian("rsgi", "--runtime-mode st --loop uvloop"), STARTED),
    Server("granian-rsgi-rloop", "Granian RSGI, rloop", ("granian", "rloop"), "rsgi", RSGI,
           granian("rsgi", "--runtime-mode st --loop rloop"), STARTED),
    Server("granian-rsgi-2-workers", "Granian RSGI, 2 workers", G, "rsgi", RSGI,
           ST + " --workers 2", "Started worker-1\nStarted worker-2", workers=2),
    Server("granian-rsgi-tls", "Granian RSGI, TLS", ("granian", "trustme"), "rsgi", RSGI,
           f"{ST} {TLS}", STARTED, transport="tls"),
    Server("granian-rsgi-unix", "Granian RSGI, unix socket", G, "rsgi", RSGI, ST, STARTED, transport="unix"),
    Server("uvicorn-sansio-uvloop", "uvicorn, websockets-sansio, uvloop", (*W, "uvloop"), "asgi", UVICORN,
           uvicorn("websockets-sansio", "uvloop")),
    Server("uvicorn-picows-uvloop", "uvicorn, anysocket_picows, uvloop", (*P, "uvloop"), "asgi", PICOWS,
           uvicorn(ON_PICOWS, "uvloop")),
    Server("uvicorn-picows-tls", "uvicorn, anysocket_picows, TLS", (*P, "trustme"), "asgi", PICOWS,
           uvicorn(ON_PICOWS) + " --ssl-certfile {certificate} --ssl-keyfile {key}", transport="tls"),
    Server("uvicorn-picows-unix", "uvicorn, anysocket_picows, unix socket", P, "asgi", PICOWS,
           uvicorn(ON_PICOWS), transport="unix"),
    Server("hypercorn-tls", "Hypercorn, TLS", (*H, "trustme"), "asgi", HYPERCORN,
           hypercorn("--certfile {certificate} --keyfile {key}"), transport="tls"),
    Server("hypercorn-http2", "Hypercorn, HTTP/2 over TLS", (*H, "h2", "trustme"), "asgi", HYPERCORN,
           hypercorn("--certfile {certificate} --keyfile {key}"), transport="tls", http_version="2"),
    Server("granian-rsgi-rust", "Granian RSGI, --task-impl rust", G, "rsgi", RSGI,
           f"{ST} --task-impl rust", STARTED),
)
"""The same servers, run in other ways."""
# fmt: on

BY_NAME: Mapping[str, Server] = {server.name: server for server in (*SERVERS, *VARIANTS)}
