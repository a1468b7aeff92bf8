"""The plugin in runs of pytest as its users have them, each in a process and a folder of its own."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from anysocket_servers import BY_NAME, SERVERS

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "testing_project"
GUIDE = (ROOT / "docs" / "testing.md").read_text()
RUN_TIMEOUT = 60.0
APP = """
    import os
    from anysocket import App

    app = App()
    stage = os.environ.get("STAGE")

    @app.websocket("/echo")
    async def echo(websocket):
        await websocket.accept()
        async for message in websocket:
            app.logger.warning("heard %s", message.data)
            await websocket.send(message.data)

    @app.get("/about")
    async def about(request):
        return {"process": os.getpid(), "stage": stage}
"""
ECHO = """
    import pytest

    @pytest.mark.anysocket("chat:app", servers=[{servers}])
    def test_echo(anysocket_server):
        with anysocket_server.connect("/echo") as peer:
            peer.send_text("hello")
            assert peer.receive_text() == "hello"
"""
STRICT = ("-W", "error", "--strict-markers", "--strict-config")
# As pytest-asyncio wants it, which warns otherwise.
ASYNCIO = ("-o", "asyncio_default_fixture_loop_scope=function")
# Plugins that no test here is about, and that take a second each time.
UNUSED = ("-p", "no:hypothesispytest", "-p", "no:xdist")
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest on a test module beside the app ``chat``, or on what is there."""

    def run(module: str = "", *arguments: str) -> pytest.RunResult:
        if module:
            pytester.makepyfile(chat=APP)
            pytester.makepyfile(test_chat=module)
        if "no:asyncio" not in arguments:
            arguments = (*ASYNCIO, *arguments)
        return pytester.runpytest_subprocess("-rs", *UNUSED, *arguments, timeout=RUN_TIMEOUT)

    return run


def echo(*servers: str) -> str:
    return ECHO.format(servers=", ".join(map(repr, servers)))


# -- what a user starts with --


def test_ten_lines_run_on_three_real_servers_and_in_memory(pytester: pytest.Pytester, run: Run) -> None:
    for name in ("chat.py", "test_chat.py"):
        shutil.copy(EXAMPLE / name, pytester.path)
    assert len((EXAMPLE / "test_chat.py").read_text().splitlines()) == 10
    result = run("", "-v", *STRICT)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            f"test_chat.py::*[[]{name}] PASSED*"
            for name in ("granian-rsgi", "uvicorn-sansio", "hypercorn", "memory")
        ]
    )


def test_the_example_project_passes(pytester: pytest.Pytester, run: Run) -> None:
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    run("", *STRICT).assert_outcomes(passed=14)


def test_the_guide_names_every_server() -> None:
    names = [server.name for server in SERVERS]
    assert re.findall("`([a-z-]+)`", GUIDE.partition("The servers: ")[2])[: len(names)] == names


def test_the_guide_shows_the_example_and_what_passes_beside_it(pytester: pytest.Pytester, run: Run) -> None:
    blocks = re.findall(r"^```py\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert blocks[0] == (EXAMPLE / "test_chat.py").read_text()
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("test_*.py"))
    for number, block in enumerate(blocks):
        (pytester.path / f"test_block_{number}.py").write_text(block)
    result = run("", "--anysocket-servers=uvicorn-sansio,memory")
    assert result.ret == 0
    assert result.parseoutcomes()["passed"] == 2 + 4 + 1


def test_pytest_finds_the_plugin_by_itself() -> None:
    (found,) = {entry.value for entry in importlib.metadata.entry_points(group="pytest11", name="anysocket")}
    assert found == "anysocket_pytest._plugin"


# -- which app, which servers --


def test_without_servers_on_all_that_are_installed(run: Run) -> None:
    module = "import pytest\n@pytest.mark.anysocket('chat:app')\ndef test_it(anysocket_server): pass"
    result = run(module, "--collect-only", "-q")
    installed = [server.name for server in SERVERS if not server.missing()]
    assert [line[:-1].partition("[")[2] for line in result.outlines if "::" in line] == installed


MISTAKES = {
    "'chat:app', servers=['grunion']": "no server 'grunion' among granian-rsgi, granian-rsgi-mt,",
    "'chat:app', server='memory'": "no argument 'server', it takes app, servers, arguments, environment",
    "'chat:app', 'chat:other'": "takes one app, and by keyword servers, arguments, environment",
    "'chat:app', app='chat:other'": "takes one app, and by keyword servers, arguments, environment",
    "3": 'the app must be "module:name", not 3, as a process imports it',
    "'chat'": "the app must be \"module:name\", not 'chat'",
    "": 'which app? Say it: @pytest.mark.anysocket("module:name")',
    "'chat:app', servers='memory'": "servers= takes a list of str, not 'memory'",
    "'chat:app', servers=[]": "servers= names none of granian-rsgi, granian-rsgi-mt,",
    "'chat:app', arguments=[1]": "arguments= takes a list of str, not [1]",
    "'chat:app', environment={'A': 1}": "environment= takes a dict of str to str, not {'A': 1}",
    "'chat:app', environment='A'": "environment= takes a dict of str to str, not 'A'",
    "'chat:app', arguments=['-v']": "no command line, so no arguments= for 'testclient', 'memory':",
}


def test_mistakes_in_a_mark_are_named_without_a_traceback(pytester: pytest.Pytester, run: Run) -> None:
    module = "import pytest\n@pytest.mark.anysocket({})\ndef test_it(anysocket_server): pass"
    for number, mark in enumerate(MISTAKES):
        pytester.makepyfile(**{f"test_{number:02}": module.format(mark)})
    result = run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    lines = [line for line in result.outlines if "::test_it: " in line]
    assert len(lines) == len(MISTAKES)
    for number, (line, says) in enumerate(zip(lines, MISTAKES.values(), strict=True)):
        assert line.startswith(f"test_{number:02}.py::test_it: ") and says in line
    assert "Traceback" not in result.stdout.str() and "_choice.py" not in result.stdout.str()


def test_each_argument_of_the_closest_mark_counts(run: Run) -> None:
    result = run(
        """
        import pytest

        pytestmark = pytest.mark.anysocket("nothing:app", servers=["memory"], environment={"STAGE": "module"})

        def about(server):
            return server.sync.request("GET", "/about").json()["stage"]

        @pytest.mark.anysocket("chat:app")
        class TestClass:
            def test_app_of_the_class(self, anysocket_server):
                assert about(anysocket_server) == "module"

            @pytest.mark.anysocket(servers=["testclient", "memory"], environment={"STAGE": "test"})
            def test_servers_of_the_test(self, anysocket_server):
                assert about(anysocket_server) == "test"
        """,
        *STRICT,
    )
    result.assert_outcomes(passed=3)


def test_the_ini_file_names_the_app_that_no_mark_names(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeini("[pytest]\nanysocket_app = chat:app")
    module = """
        def test_it(anysocket_server):
            assert anysocket_server.sync.request("GET", "/about").status == 200
    """
    run(module, "--anysocket-servers=memory", *STRICT).assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nanysocket_app = chat")
    result = run(module)
    result.stdout.fnmatch_lines(["anysocket_app: the app must be *, not 'chat'"])


def test_arguments_and_environment_reach_the_server(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.anysocket(
            "chat:app",
            servers=["granian-rsgi"],
            arguments=["--backlog", "199"],
            environment={"STAGE": "test"},
        )
        def test_it(anysocket_server):
            assert anysocket_server.process.args[-1] == "199"
            assert anysocket_server.sync.request("GET", "/about").json()["stage"] == "test"
        """
    )
    result.assert_outcomes(passed=1)


def test_the_option_narrows_a_run(run: Run) -> None:
    module = (
        echo("hypercorn", "testclient", "memory")
        + """
    @pytest.mark.anysocket("chat:app")
    def test_any(anysocket_server):
        pass
    """
    )
    result = run(module, "-v", "--anysocket-servers=memory, granian-rsgi-unix")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["*test_echo[[]memory]*", "*test_any[[]memory]*", "*test_any[[]granian-rsgi-unix]*"]
    )


def test_the_option_may_leave_nothing(run: Run) -> None:
    result = run(echo("memory"), "--anysocket-servers=daphne")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*--anysocket-servers leaves none of the test's servers"])


def test_the_option_refuses_unknown_names(run: Run) -> None:
    result = run(echo("memory"), "--anysocket-servers=grunion")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --anysocket-servers: no server 'grunion' among {', '.join(BY_NAME)}"]
    )


def test_a_server_that_is_not_installed_is_skipped_with_what_to_install(
    pytester: pytest.Pytester, run: Run
) -> None:
    pytester.makeconftest(
        """
        import importlib.util

        original = importlib.util.find_spec

        def find_spec(name, package=None):
            return None if name in {"granian", "trustme", "rloop"} else original(name, package)

        importlib.util.find_spec = find_spec
        """
    )
    result = run(echo("granian-rsgi-tls", "granian-rsgi-rloop", "memory"))
    result.assert_outcomes(passed=1, skipped=2)
    result.stdout.fnmatch_lines(
        [
            '*: granian-rsgi-tls needs granian, trustme: pip install "anysocket[[]granian,testing]"',
            '*: granian-rsgi-rloop needs granian, rloop: pip install "anysocket[[]granian]" rloop',
        ]
    )


# -- where the app is found --


def test_the_app_is_imported_from_where_the_test_is_and_where_pytest_looks(
    pytester: pytest.Pytester, run: Run
) -> None:
    pytester.makeini("[pytest]\npythonpath = source")
    for folder in ("source", "tests/one", "tests/two"):
        pytester.mkdir(folder) if folder == "source" else (pytester.path / folder).mkdir(parents=True)
    app = "from anysocket import App\nimport setting\napp = App()\n"
    app += "@app.get('/about')\nasync def about(request):\n    return setting.name + {!r}\n"
    module = """
import pytest

@pytest.mark.parametrize("where", [{app!r}])
@pytest.mark.anysocket("{module}:app", servers=["uvicorn-sansio", "memory"])
def test_{module}(anysocket_server, where):
    assert anysocket_server.sync.request("GET", "/about").text == "setting of " + where
"""
    (pytester.path / "source/setting.py").write_text("name = 'setting of '")
    (pytester.path / "source/app_in_source.py").write_text(app.format("source"))
    (pytester.path / "app_in_root.py").write_text(app.format("root"))
    for folder in ("one", "two"):
        (pytester.path / f"tests/{folder}/app_of_test.py").write_text(app.format(folder))
        test = module.format(app=folder, module="app_of_test")
        (pytester.path / f"tests/{folder}/test_{folder}.py").write_text(test)
    for name in ("source", "root"):
        test = module.format(app=name, module=f"app_in_{name}")
        (pytester.path / f"tests/one/test_{name}.py").write_text(test)
    result = run("", *STRICT, "--import-mode=importlib")
    result.assert_outcomes(passed=8)


# -- the life of a server --


def test_a_server_is_started_once_and_a_failing_test_shows_its_log(run: Run) -> None:
    result = run(
        """
        import pytest

        pytestmark = pytest.mark.anysocket("chat:app", servers=["uvicorn-sansio"])

        def talk(server, text):
            with server.connect("/echo") as peer:
                peer.send_text(text)
                assert peer.receive_text() == text
            return server.sync.request("GET", "/about").json()["process"]

        def test_first(anysocket_server, record_property):
            print("process", talk(anysocket_server, "secret"))

        def test_second(anysocket_server):
            print("process", talk(anysocket_server, "hello"))
            assert "secret" not in anysocket_server.log()
            assert False
        """,
        "-rP",
    )
    result.assert_outcomes(passed=1, failed=1)
    first, second = [line for line in result.outlines if line.startswith("process ")]
    assert first == second
    result.stdout.fnmatch_lines(["*log of uvicorn-sansio*", "*heard hello*"])
    assert "heard secret" not in result.stdout.str()


def test_the_test_after_which_its_server_is_dead_fails(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.anysocket("chat:app", servers=["uvicorn-sansio"])
        @pytest.mark.parametrize("end", [True, False])
        def test_it(anysocket_server, end):
            if end:
                with anysocket_server.connect("/echo") as peer:
                    peer.send_text("goodbye")
                    peer.receive_text()
                anysocket_server.process.kill()
                anysocket_server.sync.ended()
            else:
                assert anysocket_server.sync.request("GET", "/about").status == 200
        """
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_it[[]uvicorn-sansio-True]*",
            "uvicorn-sansio has ended: a test that ends its server takes anysocket_start",
            "*log of uvicorn-sansio*",
            "*heard goodbye*",
        ]
    )


def test_a_server_that_does_not_start_fails_the_test_with_its_log(run: Run) -> None:
    result = run(
        """
        import pytest

        pytestmark = pytest.mark.anysocket("nothing:app", servers=["uvicorn-sansio"])

        def test_shared(anysocket_server):
            pass

        def test_own(anysocket_start):
            anysocket_start()
        """
    )
    result.assert_outcomes(errors=1, failed=1)
    result.stdout.fnmatch_lines(["uvicorn-sansio did not start:", '*Could not import module "nothing"*'] * 2)
    assert "Traceback" not in result.stdout.str()


def test_nothing_is_left_running(pytester: pytest.Pytester, run: Run) -> None:
    module = """
        import pathlib, time
        import pytest

        @pytest.mark.anysocket("chat:app", servers=["granian-rsgi"])
        def test_it(anysocket_server, anysocket_start):
            processes = [server.process.pid for server in (anysocket_server, anysocket_start())]
            path = pathlib.Path("processes")
            path.with_suffix(".new").write_text(" ".join(map(str, processes)))
            path.with_suffix(".new").rename(path)
            time.sleep({seconds})
    """
    run(module.format(seconds=0)).assert_outcomes(passed=1)
    assert_gone(pytester.path / "processes")
    pytester.makepyfile(test_chat=module.format(seconds=60))
    with subprocess.Popen([sys.executable, "-m", "pytest"], stdout=subprocess.DEVNULL) as tests:
        try:
            wait_until((pytester.path / "processes").exists)
        finally:
            tests.terminate()
        assert tests.wait(RUN_TIMEOUT) == pytest.ExitCode.INTERRUPTED
    assert_gone(pytester.path / "processes")


def assert_gone(path: Path) -> None:
    for process in path.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)
    path.unlink()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + RUN_TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# -- beside other plugins --


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_coroutines_under_pytest_asyncio(pytester: pytest.Pytester, run: Run, mode: str) -> None:
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}")
    mark = "@pytest.mark.asyncio" if mode == "strict" else ""
    run(coroutine(mark), *STRICT).assert_outcomes(passed=2)


def test_coroutines_under_anyio_on_asyncio_alone(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(params=["asyncio", ("trio", {})], ids=["asyncio", "trio"])
        def anyio_backend(request):
            return request.param
        """
    )
    result = run(coroutine("@pytest.mark.anyio"), *STRICT, "-p", "no:asyncio")
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(["*: the clients of anysocket's fixtures run on asyncio only, not on trio"])


def coroutine(mark: str) -> str:
    return f"""
    import pytest

    {mark}
    @pytest.mark.anysocket("chat:app", servers=["uvicorn-sansio", "memory"])
    async def test_it(anysocket_server):
        async with anysocket_server.connect("/echo") as peer:
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"
    """


def test_a_fixture_may_build_on_it_but_not_be_asked_for_by_name(run: Run) -> None:
    result = run(
        """
        import pytest

        pytestmark = pytest.mark.anysocket("chat:app", servers=["memory"])

        @pytest.fixture
        def peer(anysocket_server):
            with anysocket_server.connect("/echo") as peer:
                yield peer

        def test_built(peer):
            peer.send_text("hello")
            assert peer.receive_text() == "hello"

        def test_by_name(request):
            request.getfixturevalue("anysocket_server")
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["anysocket's fixtures must be arguments of the test*"])


# -- in runs that have nothing to do with it --

PLAIN = """
    import sys

    def test_plain():
        heavy = {"anysocket", "anysocket_servers", "starlette", "httpx2", "websockets", "h11", "h2"}
        assert heavy.isdisjoint(sys.modules), heavy & set(sys.modules)
"""


def test_a_run_without_its_fixtures_imports_no_server_and_no_client(run: Run) -> None:
    run(PLAIN, *STRICT).assert_outcomes(passed=1)


def test_it_can_be_left_out(run: Run) -> None:
    run(PLAIN, *STRICT, "-p", "no:anysocket").assert_outcomes(passed=1)
    result = run(echo("memory"), "-p", "no:anysocket")
    result.assert_outcomes(errors=1, warnings=1)
    result.stdout.fnmatch_lines(["*fixture 'anysocket_server' not found"])


MISSING = 'anysocket\'s fixtures need {}: pip install "anysocket[[]testing]"'


def test_what_is_missing_is_named_to_those_who_need_it(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(without="import sys\nsys.modules['websockets'] = None")
    result = run(echo("memory"), "-p", "without")
    result.stdout.fnmatch_lines([MISSING.format("websockets")])
    pytester.makepyfile(without="import sys\nsys.modules['h2'] = None")
    result = run("", "-p", "without", "--anysocket-servers=memory")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: " + MISSING.format("h2")])


def test_any_other_library_that_is_missing_is_no_mistake_of_the_user(
    pytester: pytest.Pytester, run: Run
) -> None:
    pytester.makepyfile(without="import sys\nsys.modules['starlette.testclient'] = None")
    result = run(echo("memory"), "-p", "without")
    result.stdout.fnmatch_lines(["*ModuleNotFoundError: import of starlette.testclient halted*"])
