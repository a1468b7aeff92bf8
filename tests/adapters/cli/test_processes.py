"""`anysocket demo` and `anysocket serve` as real processes, on each server that is installed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from anysocket import Capability
from anysocket_cli._mistakes import Mistake
from anysocket_cli._servers import SERVERS, choose_server
from anysocket_servers import ProcessRunning, Server

APPS = Path(__file__).parent / "apps"
# What the log says when connections are served, where listening alone does not say it.
READY = {"granian": "Started worker-1"}
# The status with which a server ends after SIGTERM: uvicorn lets the signal end it, as the shell expects.
STATUS = {"granian": 0, "uvicorn": -signal.SIGTERM, "hypercorn": 0, "daphne": 0}

Start = Callable[..., ProcessRunning]


@pytest.fixture(params=list(SERVERS))
def name(request: pytest.FixtureRequest) -> str:
    try:
        choose_server(request.param)
    except Mistake as mistake:
        pytest.skip(str(mistake))
    return str(request.param)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Run ``anysocket`` with these arguments in a folder."""
    started: list[ProcessRunning] = []

    def start(*arguments: str, ready: str = "", folder: Path = APPS) -> ProcessRunning:
        monkeypatch.chdir(folder)
        command = shlex.join(["anysocket", *arguments]) + " --port {port}"
        server = Server(command, command, (), "asgi", Capability(0), command, ready)
        started.append(ProcessRunning(server, "", {}, (), "127.0.0.1"))
        return started[-1]

    yield start
    for running in started:
        running.stop()


async def test_demo(name, start):
    running = start("demo", "--server", name, ready=READY.get(name, ""))
    assert f"The chat is at http://127.0.0.1:{running.port} " in running.log()
    page = await running.request("GET", "/")
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>anysocket chat</title>" in page.body
    async with running.connect("/chat", origin=running.url) as peer:
        await peer.send_json({"type": "hello", "name": "Ada"})
        assert await peer.receive_json() == {"type": "welcome", "name": "Ada"}
    assert "Traceback" not in running.log()
    running.ask_to_stop()
    assert await running.ended() == STATUS[name]


async def test_serve(name, start):
    running = start("serve", "cli_echo:app", "--server", name, ready=READY.get(name, ""))
    interface = "RSGI" if name == "granian" else "ASGI"
    assert f"cli_echo:app on {name} through {interface}: " in running.log()
    assert (await running.request("GET", "/")).body == b"echo"
    async with running.connect("/echo") as peer:
        await peer.send("hello")
        assert await peer.receive_text() == "hello"
    running.ask_to_stop()
    assert await running.ended() == STATUS[name]


@pytest.mark.parametrize("name", ["granian", "uvicorn", "hypercorn"], indirect=True)
async def test_serve_with_workers(name, start):
    running = start("serve", "cli_echo:app", "--server", name, "--workers", "2", ready=READY.get(name, ""))
    if name == "granian":
        await running.logged("Started worker-2")
    async with running.connect("/echo") as peer:
        await peer.send("hello")
        assert await peer.receive_text() == "hello"
    running.ask_to_stop()
    # uvicorn with workers supervises them and ends by itself.
    assert await running.ended() == 0


@pytest.mark.parametrize("name", ["granian"], indirect=True)
async def test_serve_app_that_negotiates_subprotocols_on_granian(name, start):
    running = start("serve", "cli_echo:app_with_subprotocol", "--server", name, ready=READY[name])
    assert "on granian through ASGI: the app requires SUBPROTOCOL, which RSGI lacks" in running.log()
    async with running.connect("/echo", subprotocols=["shout"]) as peer:
        assert peer.subprotocol == "shout"
        await peer.send("hello")
        assert await peer.receive_text() == "HELLO"


@pytest.mark.parametrize("name", ["granian"], indirect=True)
async def test_serve_plain_asgi_app_on_granian(name, start):
    running = start("serve", "cli_echo:plain", "--server", name, ready=READY[name])
    assert "on granian through ASGI: the app is a plain ASGI app" in running.log()
    async with running.connect("/echo") as peer:
        await peer.send(b"\x00")
        assert await peer.receive_bytes() == b"\x00"


async def test_ctrl_c(name, start):
    running = start("serve", "cli_echo:app", "--server", name, ready=READY.get(name, ""))
    async with running.connect("/echo"):
        pass  # Granian's worker serves: the signal of one that is still starting is lost.
    os.killpg(running.process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    assert await running.ended() in (0, -signal.SIGINT)


def test_port_taken_while_another_granian_has_it(start):
    pytest.importorskip("granian")
    running = start("demo", "--server", "granian", ready=READY["granian"])
    second = subprocess.run(
        [sys.executable, "-m", "anysocket", "demo", "--server", "granian", "--port", str(running.port)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 2
    assert second.stderr == (
        f"anysocket: error: port {running.port} on 127.0.0.1 is taken by another program: "
        "end that one, or choose another --port\n"
    )


@pytest.mark.parametrize("name", ["granian"], indirect=True)
async def test_the_workers_of_the_demo_are_one_chat(name, start):
    pytest.importorskip("zenoh")
    running = start("demo", "--server", name, "--workers", "4", ready=READY[name])
    names = [f"Ada {number}" for number in range(12)]
    async with AsyncExitStack() as stack:
        pages = []
        for each in names:
            page = await stack.enter_async_context(running.connect("/chat", origin=running.url))
            await page.send_json({"type": "hello", "name": each, "key": each})
            await page.send_json({"type": "join", "room": "lobby"})
            await next_of(page, "joined")
            pages.append(page)
        await pages[0].send_json({"type": "say", "text": "hello"})
        assert {(await next_of(page, "said"))["text"] for page in pages} == {"hello"}
        await pages[-1].send_json({"type": "whisper", "to": "ada 0", "text": "psst"})
        assert (await next_of(pages[0], "whispered"))["text"] == "psst"
        # Whatever worker it comes to, the name is taken, but for who has the key.
        for each, page in zip(names[1:4], pages[1:4], strict=True):
            other = await stack.enter_async_context(running.connect("/chat", origin=running.url))
            await other.send_json({"type": "hello", "name": "ADA 0", "key": "other"})
            assert (await next_of(other, "error"))["reason"] == "name_taken"
            await other.send_json({"type": "hello", "name": each, "key": each})
            await next_of(page, "replaced")
    assert "Traceback" not in running.log() and "without a backplane" not in running.log()


async def next_of(page, type):
    """The next message of this type; others are skipped."""
    while (message := await page.receive_json())["type"] != type:
        pass
    return message
