"""How each server is started, without starting it."""

import os
import re
import sys
from pathlib import Path

import pytest

import anysocket_cli._main
from anysocket import App, Capability
from anysocket_cli import _demo, _serve, main
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import SERVERS, Launch, choose_server, command

C = Capability
APPS = Path(__file__).parent / "apps"
LAUNCH = Launch("chat:app", "127.0.0.1", 8123, workers=3)


def arguments(name: str, launch: Launch) -> str:
    """What follows ``python -m name``."""
    python, dash_m, module, *rest = command(SERVERS[name], launch)
    assert (python, dash_m, module) == (sys.executable, "-m", name)
    return " ".join(rest)


@pytest.mark.parametrize("interface", ["rsgi", "asgi"])
def test_granian(interface):
    launch = Launch("chat:app", "127.0.0.1", 8123, workers=3, interface=interface)
    line = arguments("granian", launch)
    assert line == (
        f"--interface {interface} --runtime-mode st --task-impl asyncio --workers-kill-timeout 15 "
        "--host 127.0.0.1 --port 8123 --workers 3 chat:app"
    )


def test_uvicorn():
    assert (
        arguments("uvicorn", LAUNCH)
        == "--host 127.0.0.1 --port 8123 --timeout-graceful-shutdown 10 --workers 3 chat:app"
    )


@pytest.mark.parametrize(
    ("ws", "argument"),
    [("picows", "anysocket_picows:WebSocketProtocol"), ("wsproto", "wsproto"), ("websockets-sansio",) * 2],
)
def test_uvicorn_with_one_of_its_implementations(ws, argument):
    line = arguments("uvicorn", Launch("chat:app", "127.0.0.1", 8123, ws=ws))
    assert line == (
        f"--host 127.0.0.1 --port 8123 --timeout-graceful-shutdown 10 --ws {argument} --workers 1 chat:app"
    )


def test_an_implementation_names_its_server():
    assert choose_server(None, "picows").name == "uvicorn"


def test_uvicorn_reloads_without_workers():
    line = arguments("uvicorn", Launch("chat:app", "::1", 8123, reload=True))
    assert line == "--host ::1 --port 8123 --timeout-graceful-shutdown 10 --reload chat:app"


def test_hypercorn():
    assert (
        arguments("hypercorn", LAUNCH)
        == "--bind 127.0.0.1:8123 --websocket-ping-interval 20 --workers 3 chat:app"
    )


def test_hypercorn_reloads_and_gets_an_ipv6_address_in_brackets():
    line = arguments("hypercorn", Launch("chat:app", "::1", 8123, reload=True))
    assert line == "--bind [::1]:8123 --websocket-ping-interval 20 --workers 1 --reload chat:app"


def test_daphne():
    line = arguments("daphne", Launch("chat:app", "127.0.0.1", 8123))
    assert line == "--bind 127.0.0.1 --port 8123 --websocket_timeout=-1 chat:app"


def test_granian_reloads_with_watchfiles(monkeypatch):
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: True)
    assert "--reload" in arguments("granian", Launch("chat:app", "127.0.0.1", 8123, reload=True))


async def plain_asgi(scope, receive, send): ...


class OnlyRSGI:
    def __rsgi__(self, scope, protocol): ...


def with_subprotocol() -> App:
    app = App()

    @app.websocket("/", subprotocols=["chat"])
    async def chat(websocket): ...

    return app


CHOICES = [
    pytest.param("granian", App(), "rsgi", "the faster one", id="nothing required"),
    pytest.param(
        "granian", App(requires=Capability.BACKPRESSURE), "rsgi", "nothing that RSGI lacks", id="fits"
    ),
    pytest.param(
        "granian", App(requires=Capability.CLOSE_CODE), "asgi", "requires CLOSE_CODE,", id="requires"
    ),
    pytest.param("granian", with_subprotocol(), "asgi", "requires SUBPROTOCOL,", id="route"),
    pytest.param("granian", plain_asgi, "asgi", "plain ASGI app", id="plain ASGI"),
    pytest.param("granian", OnlyRSGI(), "rsgi", "nothing that RSGI lacks", id="plain RSGI"),
    pytest.param("uvicorn", App(), "asgi", "the interface that uvicorn has", id="uvicorn"),
]


@pytest.mark.parametrize(("name", "app", "interface", "reason"), CHOICES)
def test_interface_and_why(name, app, interface, reason):
    chosen, why = _serve.choose_interface(SERVERS[name], app, "chat:app")
    assert chosen == interface and reason in why


REFUSALS = [
    pytest.param(
        "granian", C.ACCEPT_HEADERS, "lacks ACCEPT_HEADERS: use --server uvicorn or hypercorn", id="headers"
    ),
    pytest.param(
        "granian",
        C.CLOSE_CODE | C.LOST_IS_1006,
        "requires CLOSE_CODE, LOST_IS_1006, and granian through ASGI lacks LOST_IS_1006: use --server daphne",
        id="one by RSGI and one by ASGI",
    ),
    pytest.param(
        "granian", ~C(0), "LOST_IS_1006, PING: `uvicorn --ws websockets` has it all", id="everything"
    ),
    pytest.param("hypercorn", C.PING, "lacks PING: use --server uvicorn or daphne", id="Hypercorn"),
    pytest.param(
        "daphne", C.DENIAL_BODY, "lacks DENIAL_BODY: use --server granian or uvicorn or", id="Daphne"
    ),
]


@pytest.mark.parametrize(("name", "required", "told"), REFUSALS)
def test_server_without_what_the_app_requires_is_not_started(name, required, told):
    with pytest.raises(Mistake, match=re.escape(told)):
        _serve.choose_interface(SERVERS[name], App(requires=required), "chat:app")


def test_uvicorn_is_tried_for_what_one_of_its_implementations_has():
    assert _serve.choose_interface(SERVERS["uvicorn"], App(requires=~C(0)), "chat:app")[0] == "asgi"


@pytest.fixture
def started(monkeypatch):
    """The command lines that would have replaced the process."""
    lines: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda path, line: lines.append(line))
    return lines


def pretend_installed(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    monkeypatch.setattr("anysocket_cli._servers.is_importable", lambda module: module in modules)


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (["daphne", "hypercorn", "uvicorn", "wsproto", "granian"], "granian"),
        (["daphne", "hypercorn", "uvicorn", "wsproto"], "uvicorn"),
        (["daphne", "hypercorn", "uvicorn"], "hypercorn"),  # uvicorn alone speaks no WebSocket
        (["daphne"], "daphne"),
    ],
)
def test_demo_takes_the_best_server_that_is_installed(monkeypatch, started, capsys, installed, taken):
    pretend_installed(monkeypatch, *installed)
    assert main(["demo", "--port", "0"]) == 0
    [line] = started
    assert line[1:3] == ["-m", taken] and line[-1] == "anysocket_cli.demo:app"
    port = re.search(r"127\.0\.0\.1 (?:--port )?:?(\d+)", " ".join(line).replace(":", " :"))
    assert port and f"http://127.0.0.1:{port[1]} " in capsys.readouterr().out


def test_demo_on_granian_is_rsgi(started):
    assert main(["demo", "--server", "granian", "--port", "0"]) == 0
    assert started[0][3:5] == ["--interface", "rsgi"]


def test_demo_on_every_network_prints_an_address_that_a_browser_takes(started, capsys):
    assert main(["demo", "--host", "0.0.0.0", "--port", "0"]) == 0
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_workers_of_the_demo_are_one_chat(started, monkeypatch):
    monkeypatch.setenv(_demo.BACKPLANE, "")
    assert main(["demo", "--server", "granian", "--port", "8123", "--workers", "2"]) == 0
    assert os.environ[_demo.BACKPLANE] == "zenoh://?prefix=demo-8123"


def test_workers_of_the_demo_need_zenoh(started, monkeypatch, capsys):
    monkeypatch.setattr(_demo, "is_importable", lambda module: module != "zenoh")
    assert main(["demo", "--server", "granian", "--port", "0", "--workers", "2"]) == 2
    assert 'pip install "anysocket[zenoh]"' in capsys.readouterr().err


@pytest.mark.parametrize("attribute", ["app", "plain", "builtin"])
def test_serve_checks_the_app_and_says_why(monkeypatch, started, capsys, attribute):
    monkeypatch.chdir(APPS)
    monkeypatch.setattr("sys.path", [str(APPS), *sys.path])
    assert main(["serve", f"cli_echo:{attribute}", "--server", "uvicorn", "--port", "0"]) == 0
    assert started[0][1:3] == ["-m", "uvicorn"] and started[0][-1] == f"cli_echo:{attribute}"
    told = f"cli_echo:{attribute} on uvicorn through ASGI: the interface that uvicorn has\n"
    assert capsys.readouterr().out == told


def test_version(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    name, version = capsys.readouterr().out.split()
    assert name == "anysocket" and version[0].isdigit()


def test_help_lists_every_subcommand(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in anysocket_cli._main.SUBCOMMANDS)
    assert _demo.TARGET.startswith("anysocket_cli.")
