"""The hooks and fixtures. Every run of pytest imports this module: it imports servers and clients only for
the tests that want them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

    from anysocket_pytest._choice import Choice
    from anysocket_pytest._server import AnysocketServer, AnysocketStart
    from anysocket_pytest._servers import Servers

FIXTURES = {"anysocket_server", "anysocket_start"}
CLIENTS = {"h11", "h2", "httpx2", "websockets"}
"""What the clients are made of."""
MARK = (
    'anysocket(app="module:name", servers=[…], arguments=[…], environment={…}): the app, and the servers that'
    " tests with anysocket_server or anysocket_start run on; each argument of the closest mark counts"
)
USED: pytest.StashKey[list[AnysocketServer]] = pytest.StashKey()
"""The servers of a test, for its report."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option and the ini value."""
    parser.getgroup("anysocket").addoption(
        "--anysocket-servers",
        metavar="NAME[,NAME]",
        help="of the servers that tests with anysocket_server or anysocket_start run on, only these",
    )
    parser.addini("anysocket_app", "the app of anysocket_server where no mark names one, as module:name")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and refuse names that no server has."""
    config.addinivalue_line("markers", MARK)
    if config.getoption("anysocket_servers"):
        _choosing().wanted_servers(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests on each of their servers."""
    if FIXTURES.isdisjoint(metafunc.fixturenames):
        return
    try:
        _choosing().parametrize(metafunc, "_anysocket_choice")
    except pytest.UsageError as error:  # Shown by its message alone, without a traceback.
        raise pytest.Collector.CollectError(str(error)) from None


def _choosing() -> ModuleType:
    try:
        from anysocket_pytest import _choice
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in CLIENTS:
            install = 'pip install "anysocket[testing]"'
            raise pytest.UsageError(f"anysocket's fixtures need {library}: {install}") from None
        raise
    return _choice


@pytest.fixture
def _anysocket_choice(request: pytest.FixtureRequest) -> Choice:
    """The server and app of this run of the test."""
    if not hasattr(request, "param"):
        pytest.fail(
            "anysocket's fixtures must be arguments of the test, or of a fixture that is", pytrace=False
        )
    if "anyio_backend" in request.fixturenames:
        backend = request.getfixturevalue("anyio_backend_name")
        if backend != "asyncio":
            pytest.skip(f"the clients of anysocket's fixtures run on asyncio only, not on {backend}")
    choice: Choice = request.param
    return choice


@pytest.fixture(scope="session")
def _anysocket_servers() -> Iterator[Servers]:
    """The servers that are kept running through the session."""
    from anysocket_pytest._servers import Servers, ending_with_sigterm

    with ending_with_sigterm():
        servers = Servers()
        yield servers
        servers.stop()


@pytest.fixture
def anysocket_server(
    request: pytest.FixtureRequest, _anysocket_choice: Choice, _anysocket_servers: Servers
) -> Iterator[AnysocketServer]:
    """The app on a server, which stays up for later tests; the test runs once for each server of its mark."""
    server = _anysocket_servers.shared(_anysocket_choice, _folders(request))
    request.node.stash.setdefault(USED, []).append(server)
    yield server
    if not server.running.alive():
        pytest.fail(
            f"{server.name} has ended: a test that ends its server takes anysocket_start", pytrace=False
        )


@pytest.fixture
def anysocket_start(
    request: pytest.FixtureRequest, _anysocket_choice: Choice, _anysocket_servers: Servers
) -> Iterator[AnysocketStart]:
    """Start the app on a server that is this test's alone; the test runs once for each server of its mark."""
    used = request.node.stash.setdefault(USED, [])
    started: list[AnysocketServer] = []

    def start(
        app: str | None = None,
        *,
        arguments: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AnysocketServer:
        folders = _folders(request)
        server = _anysocket_servers.start(_anysocket_choice, folders, app, arguments, environment)
        started.append(server)
        used.append(server)
        return server

    yield start
    for server in started:
        server.running.stop()


def _folders(request: pytest.FixtureRequest) -> list[Path]:
    """Where apps are imported from, after the working directory, which is first on every server."""
    return [request.path.parent, *request.config.getini("pythonpath"), request.config.rootpath]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Show the logs of its servers with a test that failed."""
    # An old-style wrapper, as pytest 7 knows no other.
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed:
        for server in item.stash.get(USED, []):
            if log := server.log():
                report.sections.append((f"log of {server.name}", log))
