"""What marks, ini file and command line choose: the app, and the servers that a test runs on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from anysocket_servers import BY_NAME, SERVERS, Server

ARGUMENTS = ("app", "servers", "arguments", "environment")
"""What the mark takes."""
EXTRAS = {
    "granian": "granian",
    "uvicorn": "uvicorn",
    "websockets": "uvicorn",
    "hypercorn": "hypercorn",
    "daphne": "daphne",
    "h2": "testing",
    "httpx2": "testing",
    "trustme": "testing",
}
"""The extra of anysocket that brings a package; others are installed by their own names."""


@dataclass(frozen=True, eq=False)  # Hashable, whatever the environment.
class Choice:
    """What one test is to run on. ``app`` is None where neither mark nor ini file names one."""

    server: Server
    app: str | None
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def parametrize(metafunc: pytest.Metafunc, fixture: str) -> None:
    """Run a test once for each of its servers, with a :class:`Choice` as the parameter of ``fixture``.

    Raises ``pytest.UsageError``.
    """
    nodeid = metafunc.definition.nodeid
    found = _found(metafunc.config, metafunc.definition)
    app, environment = found.get("app"), dict(found.get("environment", {}))
    arguments = tuple(found.get("arguments", ()))
    if app is None and "anysocket_server" in metafunc.fixturenames:
        raise pytest.UsageError(f'{nodeid}: which app? Say it: @pytest.mark.anysocket("module:name")')
    servers = _servers(metafunc.config, found.get("servers"))
    if arguments and (without := [server.name for server in servers if not server.process]):
        raise pytest.UsageError(
            f"{nodeid}: no command line, so no arguments= for {_listed(without)}: name others in servers="
        )
    parameters = [
        pytest.param(Choice(server, app, arguments, environment), id=server.name, marks=_marks(server))
        for server in servers
    ]
    if not parameters:
        reason = "--anysocket-servers leaves none of the test's servers"
        parameters.append(pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason)))
    metafunc.parametrize(fixture, parameters, indirect=True)


def _found(config: pytest.Config, definition: pytest.Item) -> dict[str, Any]:
    """Each argument as the closest mark has it; the app, if none has, as the ini file has it."""
    found: dict[str, Any] = {}
    if app := config.getini("anysocket_app"):
        check_app(app, "anysocket_app")
        found["app"] = app
    marks = [_arguments(mark, definition.nodeid) for mark in definition.iter_markers("anysocket")]
    for arguments in reversed(marks):  # The closest mark comes first.
        found.update(arguments)
    return found


def _servers(config: pytest.Config, named: Sequence[str] | None) -> list[Server]:
    wanted = wanted_servers(config)
    if named is not None:
        servers = [BY_NAME[name] for name in dict.fromkeys(named)]
        return [server for server in servers if not wanted or server in wanted]
    return wanted or [server for server in SERVERS if not server.missing()]


def wanted_servers(config: pytest.Config) -> list[Server]:
    """What ``--anysocket-servers`` names; none where it is not given. Raises ``pytest.UsageError``."""
    names = [name.strip() for name in (config.getoption("anysocket_servers") or "").split(",")]
    return [BY_NAME[name] for name in _known(filter(None, names), "--anysocket-servers")]


def _known(names: Iterable[str], where: str) -> list[str]:
    names = list(dict.fromkeys(names))
    if unknown := [name for name in names if name not in BY_NAME]:
        raise pytest.UsageError(f"{where}: no server {_listed(unknown)} among {', '.join(BY_NAME)}")
    return names


def _arguments(mark: pytest.Mark, nodeid: str) -> dict[str, Any]:
    """The arguments of a mark by name, checked."""
    where = f"{nodeid}: @pytest.mark.anysocket"
    if len(mark.args) > 1 or (mark.args and "app" in mark.kwargs):
        raise pytest.UsageError(f"{where}: takes one app, and by keyword {', '.join(ARGUMENTS[1:])}")
    if unknown := sorted(set(mark.kwargs) - set(ARGUMENTS)):
        raise pytest.UsageError(f"{where}: no argument {_listed(unknown)}, it takes {', '.join(ARGUMENTS)}")
    given = {**mark.kwargs, **({"app": mark.args[0]} if mark.args else {})}
    found = {name: value for name, value in given.items() if value is not None}
    if "app" in found:
        check_app(found["app"], where)
    for name in {"servers", "arguments"} & set(found):
        if not _are_strings(found[name]):
            raise pytest.UsageError(f"{where}: {name}= takes a list of str, not {found[name]!r}")
    if "servers" in found and not _known(found["servers"], where):
        raise pytest.UsageError(f"{where}: servers= names none of {', '.join(BY_NAME)}")
    environment = found.get("environment", {})
    if not isinstance(environment, dict) or not _are_strings([*environment, *environment.values()]):
        raise pytest.UsageError(f"{where}: environment= takes a dict of str to str, not {environment!r}")
    return found


def _are_strings(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def check_app(app: object, where: str) -> None:
    """Raise ``pytest.UsageError`` unless ``app`` is ``"module:name"``."""
    if not isinstance(app, str):
        raise pytest.UsageError(
            f'{where}: the app must be "module:name", not {app!r:.80}, as a process imports it'
            " (anysocket.testing.connect takes an object)"
        )
    module, _, name = app.partition(":")
    if not (module and name):
        raise pytest.UsageError(f'{where}: the app must be "module:name", not {app!r}')


def _marks(server: Server) -> list[pytest.MarkDecorator]:
    missing = server.missing()
    if not missing:
        return []
    extras = sorted({EXTRAS[name] for name in missing if name in EXTRAS})
    install = [f'"anysocket[{",".join(extras)}]"'] if extras else []
    install += [name for name in missing if name not in EXTRAS]
    reason = f"{server} needs {', '.join(missing)}: pip install {' '.join(install)}"
    return [pytest.mark.skip(reason=reason)]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
