"""What the user is told after a mistake: the value, the way out, and never a traceback."""

import socket
import sys
from pathlib import Path

import pytest

from anysocket_cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty current folder; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setattr("os.execv", lambda path, line: pytest.fail(f"started {line}"))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def complaint(capsys):
    def complaint(*arguments: str) -> str:
        """What ``anysocket`` with these arguments complains about, in one line."""
        status: object
        try:
            status = main(arguments)
        except SystemExit as exit:  # argparse
            status = exit.code
        assert status == 2
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err and not shown.out
        *usage, line = str(shown.err).splitlines()
        assert all(text.startswith(("usage:", " ")) for text in usage)
        return line

    return complaint


def write(name: str, text: str) -> None:
    Path(name).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("chat", "'chat' does not say which object to serve: write chat:app"),
        ("chat:", "'chat:' does not say which object to serve: write chat:app"),
        (":app", "':app' is not of the form module:app"),
        ("chat.py:app", "'chat.py:app' is a path, not a module: write chat:app"),
        ("./examples/chat.py", "'./examples/chat.py' is a path, not a module: write examples.chat:app"),
        ("chat app:app", "'chat app:app' is not of the form module:app"),
        ("chat:app()", "'chat:app()' is not of the form module:app"),
        ("nowhere_to_find:app", "no module named 'nowhere_to_find' in {folder}"),
        ("anysocket.nowhere:app", "no module named 'anysocket.nowhere' in {folder}"),
    ],
)
def test_target(complaint, folder, target, told):
    assert told.format(folder=folder) in complaint("serve", target)


@pytest.mark.parametrize(
    ("text", "target", "told"),
    [
        ("x = 1\nraise OSError('no disk')\n", "a1:app", "module 'a1' does not import: OSError: no disk ("),
        ("import os\n\nraise OSError\n", "a2:app", 'a2.py, line 3); python -c "import a2" shows'),
        ("def f(:\n", "a3:app", "SyntaxError: "),
        ("import not_installed_at_all\n", "a4:app", "No module named 'not_installed_at_all' ("),
        ("import sys\nsys.exit('stop')\n", "a5:app", "SystemExit: stop"),
        ("from anysocket import App\nchat = App()\n", "a6:app", "has no attribute 'app': write a6:chat"),
        (
            "async def application(a, b, c): ...\n",
            "a7:aplication",
            "no attribute 'aplication': write a7:application",
        ),
        ("", "a8:app", "has no attribute 'app': after the colon goes the name of your App()"),
        ("app = 42\n", "a9:app", "'a9:app' is not an app but of type int: name an anysocket.App()"),
        ("from anysocket import App\n", "a10:App", "is the class App, not an app: write `app = App()`"),
        ("def make(): ...\n", "a11:make", "if it makes the app, write `app = make()` in the module"),
    ],
)
def test_module(complaint, text, target, told):
    write(f"{target.partition(':')[0]}.py", text)
    assert told in complaint("serve", target)


@pytest.mark.parametrize("port", ["x", "-1", "65536", "80.5", "٣", ""])
def test_port(complaint, port):
    told = f"argument --port: {port!r} is not a port: give a number from 0 to 65535"
    assert told in complaint("demo", f"--port={port}")


@pytest.mark.parametrize("workers", ["0", "-2", "many"])
def test_workers(complaint, workers):
    assert f"{workers!r} is not a number of workers: give 1 or more" in complaint(
        "demo", f"--workers={workers}"
    )


def test_unknown_server(complaint):
    line = complaint("demo", "--server", "gunicorn")
    assert "'gunicorn'" in line and all(
        name in line for name in ("granian", "uvicorn", "hypercorn", "daphne")
    )


def test_no_subcommand(complaint):
    assert "SUBCOMMAND" in complaint()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("granian", "granian"),
        ("uvicorn", "uvicorn"),
        ("hypercorn", "hypercorn"),
        ("daphne", "daphne"),
    ],
)
@pytest.mark.parametrize("subcommand", [["demo"], ["serve", "chat:app"]], ids=["demo", "serve"])
def test_server_not_installed(complaint, monkeypatch, subcommand, name, missing):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: False)
    told = f'server {name} needs {missing}: pip install "anysocket[{name}]"'
    assert told in complaint(*subcommand, "--server", name)


def test_uvicorn_without_a_websocket_library(complaint, monkeypatch):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: module == "uvicorn")
    told = 'server uvicorn needs websockets or wsproto: pip install "anysocket[uvicorn]"'
    assert told in complaint("demo", "--server", "uvicorn")


@pytest.mark.parametrize(
    ("ws", "installed", "told"),
    [
        ("picows", "uvicorn", '--ws picows needs picows: pip install "anysocket[picows]"'),
        ("picows", "picows", '--ws picows needs uvicorn: pip install "anysocket[picows]"'),
        ("wsproto", "uvicorn", '--ws wsproto needs wsproto: pip install "anysocket[uvicorn]" wsproto'),
    ],
)
def test_implementation_not_installed(complaint, monkeypatch, ws, installed, told):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: module == installed)
    assert told in complaint("serve", "good:app", "--ws", ws)


def test_implementation_of_another_server(complaint):
    told = "--ws picows is one of uvicorn's, and --server is granian: leave one of them out"
    assert told in complaint("serve", "good:app", "--server", "granian", "--ws", "picows")


def test_no_server_installed(complaint, monkeypatch):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: False)
    told = 'no server is installed (of granian, uvicorn, hypercorn, daphne): pip install "anysocket[granian]"'
    assert told in complaint("demo")


def test_port_taken(complaint):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        told = f"port {port} on 127.0.0.1 is taken by another program: end that one, or choose another --port"
        assert told in complaint("demo", "--port", str(port))


def test_port_taken_by_a_server_that_would_share_it(complaint):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as Granian does
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert "is taken by another program" in complaint("demo", "--port", str(listener.getsockname()[1]))


def test_host_of_another_machine(complaint):
    # 192.0.2.0/24 is reserved for documentation: no machine has it.
    assert "--host 192.0.2.1 is not an address of this machine" in complaint("demo", "--host", "192.0.2.1")


@pytest.mark.parametrize("error", [socket.gaierror(-2, "not known"), UnicodeError("label too long")])
def test_host_that_is_no_address(complaint, monkeypatch, error):
    def look_up(*arguments, **options):
        raise error

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    assert "--host 'my phone' is not an address of this machine" in complaint("demo", "--host", "my phone")


@pytest.mark.parametrize(
    ("errno", "told"), [(13, "choose a --port from 1024 on"), (105, "cannot listen on 127.0.")]
)
def test_port_not_allowed(complaint, monkeypatch, errno, told):
    def bind(self, address):
        raise OSError(errno, "a reason")

    monkeypatch.setattr("socket.socket.bind", bind)
    assert told in complaint("demo")


def test_workers_on_daphne(complaint):
    line = complaint("demo", "--server", "daphne", "--workers", "2", "--port", "0")
    assert "daphne has no --workers (given: 2), it is one process" in line


def serve_on(server: str, *options: str) -> list[str]:
    write("good.py", "from anysocket import App\napp = App()\n")
    return ["serve", "good:app", "--server", server, "--port", "0", *options]


def test_reload_on_daphne(complaint):
    assert "daphne has no --reload: use --server uvicorn" in complaint(*serve_on("daphne", "--reload"))


def test_reload_on_granian_without_watchfiles(complaint, monkeypatch):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: module != "watchfiles")
    told = '--reload on granian needs watchfiles: pip install "granian[reload]"'
    assert told in complaint(*serve_on("granian", "--reload"))


def test_reload_and_workers_on_uvicorn(complaint):
    told = "uvicorn has either --reload or --workers 3, not both"
    assert told in complaint(*serve_on("uvicorn", "--reload", "--workers", "3"))


def test_granian_inside_a_package(complaint, folder):
    write("__init__.py", "")
    told = f"the current folder is a package itself, so Granian would look for {folder.name}.good:app"
    assert told in complaint(*serve_on("granian"))


def test_rsgi_app_on_an_asgi_server(complaint):
    write("only_rsgi.py", "class A:\n    def __rsgi__(self, scope, protocol): ...\n\napp = A()\n")
    told = "'only_rsgi:app' is an RSGI app and uvicorn runs ASGI apps: use --server granian"
    assert told in complaint("serve", "only_rsgi:app", "--server", "uvicorn")
