"""Paths to handlers."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.routing import compile_path

from anysocket._limits import Gate

WebSocketHandler = Callable[..., Awaitable[object]]
HTTPHandler = Callable[..., Any]
ASGIApp = Callable[..., Awaitable[None]]

PARAMETER = re.compile(r"<(?:(?P<type>[^<>:]*):)?(?P<name>[^<>:]*)>")
PARAMETER_TYPES = {None: "str", "str": "str", "int": "int", "float": "float", "uuid": "uuid", "path": "path"}


@dataclass(frozen=True, slots=True)
class WebSocketRoute:
    """One WebSocket handler and what its path says about it."""

    path: str
    handler: WebSocketHandler
    subprotocols: tuple[str, ...]
    max_message_bytes: int | None
    gate: Gate


@dataclass(frozen=True, slots=True)
class HTTPRoute:
    """One HTTP handler; ``path`` is in Starlette's template form."""

    path: str
    methods: tuple[str, ...]
    handler: HTTPHandler


@dataclass(frozen=True, slots=True)
class Mount:
    """Any ASGI app under a path prefix."""

    path: str
    app: ASGIApp


class Router:
    """WebSocket routes by path; of several that match, the one declared first."""

    def __init__(self) -> None:
        self.routes: list[WebSocketRoute] = []
        self._compiled: list[tuple[re.Pattern[str], dict[str, Any], WebSocketRoute]] = []

    def add(self, route: WebSocketRoute) -> None:
        """Raises ``ValueError`` for a bad path template and ``TypeError`` for a handler that does not take
        the websocket and the path's parameters."""
        regex, _, convertors = compile_path(template(route.path))
        check_handler(route.handler, "websocket", convertors)
        self.routes.append(route)
        self._compiled.append((regex, convertors, route))

    def match(self, path: str) -> tuple[WebSocketRoute, dict[str, Any]] | None:
        """The route for a percent-decoded path, with its parameters converted."""
        for regex, convertors, route in self._compiled:
            if found := regex.fullmatch(path):
                values = found.groupdict().items()
                # A number of thousands of digits matches, but Python refuses to convert it.
                with contextlib.suppress(ValueError):
                    return route, {name: convertors[name].convert(value) for name, value in values}
        return None


def template(path: str) -> str:
    """``/rooms/<int:room>`` in Starlette's form, ``/rooms/{room:int}``."""
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} must begin with '/'")
    if "{" in path or "}" in path:
        raise ValueError(f"path {path!r}: write parameters as <name> or <int:name>, not in braces")

    def convert(found: re.Match[str]) -> str:
        kind, name = found["type"], found["name"]
        if kind not in PARAMETER_TYPES:
            known = ", ".join(f"<{known}:{name}>" for known in PARAMETER_TYPES if known)
            raise ValueError(f"path {path!r}: unknown parameter type {kind!r}; there are {known}")
        if not (name.isidentifier() and name.isascii()):
            raise ValueError(f"path {path!r}: parameter name {name!r} is no ASCII identifier of Python")
        return f"{{{name}:{PARAMETER_TYPES[kind]}}}"

    converted = PARAMETER.sub(convert, path)
    if "<" in converted or ">" in converted:
        raise ValueError(f"path {path!r}: '<' without its '>', or the other way round")
    return converted


def check_handler(handler: Callable[..., object], first: str, parameters: Iterable[str]) -> None:
    """Raise ``TypeError`` at start-up, not at the first request, if the handler cannot be called."""
    try:
        inspect.signature(handler).bind(None, **dict.fromkeys(parameters))
    except TypeError as error:
        wanted = ", ".join([first, *parameters])
        name = getattr(handler, "__qualname__", repr(handler))
        raise TypeError(f"handler {name} must take ({wanted}): {error}") from None
