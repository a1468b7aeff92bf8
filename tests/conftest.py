"""The fixtures ``server``, ``serve``, ``start_server`` and the marks that choose servers: see README.md."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from anysocket import Capability
from anysocket_servers import BY_NAME, SERVERS, Pool, Running, Server, launch

USED = pytest.StashKey[list[Running]]()
MARKS = (
    "servers(*names): run on these servers only, variants included",
    "needs(*features): skip on servers without these features",
    "not_on(*names, reason): skip on these servers",
    "fails_on(*names, reason): a known deviation of these servers, which must fail (strict)",
)


class Serve(Protocol):
    """The type of the fixtures ``serve`` and ``start_server``."""

    def __call__(
        self,
        app: str,
        folder: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> Running: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--server", metavar="NAME[,NAME]", help="run on these servers only")


def pytest_configure(config: pytest.Config) -> None:
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    for name in _wanted(config):
        if name not in BY_NAME:
            raise pytest.UsageError(f"--server: no {name!r} among {', '.join(BY_NAME)}")
    # A run that is told to end (by a time limit, say) must still end the servers it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell has what it runs in the background ignore SIGINT, and servers inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares a running server, or another fixture, shares a process of pytest-xdist (``-n 4 --dist
    loadgroup``)."""
    for item in items:
        if "pytester" in getattr(item, "fixturenames", ()):
            continue  # Runs of their own.
        server = item.callspec.params.get("server") if hasattr(item, "callspec") else None
        place = f"{item.path.parent} on {server}" if server else str(item.path)
        item.add_marker(pytest.mark.xdist_group(place))


def _wanted(config: pytest.Config) -> list[str]:
    return [name for name in (config.getoption("--server") or "").split(",") if name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" not in metafunc.fixturenames:
        return
    only = metafunc.definition.get_closest_marker("servers")
    servers = [BY_NAME[name] for name in only.args] if only else list(SERVERS)
    if wanted := _wanted(metafunc.config):
        servers = [server for server in servers if server.name in wanted]
    parameters = [pytest.param(server, marks=_marks(metafunc, server), id=server.name) for server in servers]
    metafunc.parametrize("server", parameters)


def _marks(metafunc: pytest.Metafunc, server: Server) -> list[pytest.MarkDecorator]:
    marks = []
    if missing := server.missing():
        marks.append(pytest.mark.skip(reason=f"{server} needs {', '.join(missing)}, not installed"))
    has = features(server)
    for mark in metafunc.definition.iter_markers("needs"):
        if lacking := [name for name in mark.args if not has[name]]:
            marks.append(pytest.mark.skip(reason=f"{server} lacks {', '.join(lacking)}"))
    for mark in metafunc.definition.iter_markers("not_on"):
        if server.name in _names(mark):
            marks.append(pytest.mark.skip(reason=f"not on {server}: {mark.kwargs['reason']}"))
    for mark in metafunc.definition.iter_markers("fails_on"):
        if server.name in _names(mark):
            marks.append(pytest.mark.xfail(strict=True, reason=f"{server}: {mark.kwargs['reason']}"))
    return marks


def features(server: Server) -> dict[str, bool]:
    """What a test may need, by name: of the server itself, and each :class:`Capability` in lower case."""
    capabilities = {str(each.name).lower(): each in server.capabilities for each in Capability}
    itself = {"process": server.process, "lifespan": server.lifespan, "denial_status": server.denial_status}
    return {**capabilities, **itself}


def _names(mark: pytest.Mark) -> tuple[str, ...]:
    """The names of a mark; one that no server has would silently choose nothing."""
    for name in mark.args:
        if name not in BY_NAME:
            raise pytest.UsageError(f"mark {mark.name}: no {name!r} among {', '.join(BY_NAME)}")
    return mark.args


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """The servers that are kept running through the session."""
    pool = Pool()
    yield pool
    pool.stop()


@pytest.fixture
def serve(server: Server, pool: Pool, request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Serve an app on ``server``; it stays up for the tests that follow. Fails the test after which the
    server is no longer alive."""
    used = request.node.stash.setdefault(USED, [])

    def serve(
        app: str,
        folder: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> Running:
        running = pool.get(server, app, folder or request.path.parent, environment or {}, arguments)
        running.mark()
        used.append(running)
        return running

    yield serve
    for running in used:
        assert running.alive(), f"the test ended the server {running.name}:\n{running.log()}"


@pytest.fixture
def start_server(server: Server, request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Serve an app on ``server`` for this test alone, which may end it."""
    used = request.node.stash.setdefault(USED, [])
    started: list[Running] = []

    def start_server(
        app: str,
        folder: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> Running:
        running = launch(server, app, folder or request.path.parent, environment, arguments)
        started.append(running)
        used.append(running)
        return running

    yield start_server
    for running in started:
        running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for running in item.stash.get(USED, []):
            report.sections.append((f"log of {running.name}", running.log()))
    return report
