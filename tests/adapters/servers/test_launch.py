"""Starting and ending servers: what goes wrong is told, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from anysocket import Capability
from anysocket_servers import BY_NAME, SERVERS, VARIANTS, Endpoint, Pool, Server, StartError, launch, start
from anysocket_servers._addresses import LISTEN, command_line
from core.nodes import until

APPS = Path(__file__).parent / "apps"
APP = "served_app:app"
ENDPOINT = Endpoint("127.0.0.1", 8001)
MEMORY = BY_NAME["memory"]


def own(command: str) -> Server:
    return Server("own", "a server of one's own", (), "asgi", Capability(0), command)


async def scope_of(running):
    async with running.connect("/scope") as peer:
        return await peer.receive_json()


# -- starting --


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "hypercorn-http2", "testclient", "memory")
def test_app_that_does_not_start_is_a_start_error_with_the_log(start_server):
    with pytest.raises(StartError) as failure:
        start_server(APP, APPS, environment={"FAILS": "the database is not there"})
    assert "the database is not there" in str(failure.value)
    assert "did not start" in str(failure.value)
    assert "FAILS" not in os.environ


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "testclient", "memory")
def test_app_that_does_not_exist_is_a_start_error_with_the_log(start_server):
    with pytest.raises(StartError, match="no_such_module"):
        start_server("no_such_module:app", APPS)


@pytest.mark.servers("uvicorn-sansio", "testclient", "memory")
async def test_environment_and_folder_are_the_apps(start_server):
    running = start_server(APP, APPS, environment={"OWN": "mine"})
    told = (await scope_of(running))["environment"]
    # In this process it counts while the app is imported and starts.
    assert told == ("mine" if running.server.process else None)
    assert "OWN" not in os.environ


def test_in_this_process_there_is_no_command_line():
    with pytest.raises(ValueError, match="memory has no command line"):
        launch(MEMORY, APP, APPS, arguments=["--workers", "2"])


async def test_arguments_are_the_servers():
    with start(BY_NAME["uvicorn-sansio"], APP, APPS, arguments=["--log-level", "error"]) as running:
        await scope_of(running)
        assert running.log() == ""


# -- workers, and the end --


async def pids(running, number):
    """The process ids of the workers, once connections have reached ``number`` of them."""
    seen: set[int] = set()
    for _ in range(200):
        seen.add((await scope_of(running))["pid"])
        if len(seen) == number:
            break
    return seen


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.servers("granian-rsgi-2-workers")
async def test_both_workers_serve_and_end(start_server, server):
    running = start_server(APP, APPS)
    workers = await pids(running, server.workers)
    assert len(workers) == 2 and all(lives(pid) for pid in workers)
    running.stop()
    assert not running.alive() and not any(lives(pid) for pid in workers)


@pytest.mark.servers("granian-rsgi-2-workers")
async def test_workers_that_outlive_their_first_process_are_ended(start_server, server):
    running = start_server(APP, APPS)
    workers = await pids(running, server.workers)
    running.process.kill()
    await running.ended()
    assert all(lives(pid) for pid in workers)
    running.stop()
    await until(lambda: not any(lives(pid) for pid in workers))


@pytest.mark.servers("uvicorn-sansio")
def test_a_process_that_got_the_number_of_one_that_has_ended_is_left_alone(start_server):
    running = start_server(APP, APPS)
    running.process.kill()
    running.process.wait()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        running.process.pid = other.pid
        running.stop()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.2)
        other.terminate()


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "hypercorn-http2", "testclient", "memory")
def test_stopping_twice_is_once_and_the_log_stays(start_server):
    running = start_server(APP, APPS)
    assert running.alive()
    running.stop()
    log = running.log()
    running.stop()
    assert not running.alive() and running.log() == log


@pytest.mark.servers("uvicorn-sansio")
async def test_end_of_the_process_is_told(start_server):
    running = start_server(APP, APPS)
    with pytest.raises(TimeoutError):
        await running.ended(0.01)
    running.process.kill()
    assert await running.ended() == -9
    running.ask_to_stop()  # Nobody is left to ask.


async def test_log_begins_at_the_mark_and_is_waited_for():
    with start(BY_NAME["uvicorn-sansio"], APP, APPS) as running:
        assert "Uvicorn running on" in running.log()
        running.mark()
        assert running.log() == ""
        await scope_of(running)
        assert "/scope" in await running.logged('"WebSocket /scope" [accepted]')
        with pytest.raises(AssertionError, match=r"'no such line' not logged within 0\.01 s"):
            await running.logged("no such line", 0.01)


# -- the pool --


def test_pool_keeps_what_is_alive_and_ends_what_was_unused_for_longest():
    pool = Pool(limit=2)
    first, second = pool.get(MEMORY, APP, APPS), pool.get(MEMORY, APP, APPS, {"OWN": "1"})
    assert pool.get(MEMORY, APP, APPS) is first
    pool.get(MEMORY, APP, APPS, {"OWN": "2"})
    assert first.alive() and not second.alive()
    first.stop()
    again = pool.get(MEMORY, APP, APPS)
    assert again is not first and again.alive()
    pool.stop()
    assert not again.alive()


# -- the table --


def test_names_are_unique_and_every_program_has_its_options():
    assert len(BY_NAME) == len(SERVERS) + len(VARIANTS)
    for server in BY_NAME.values():
        assert str(server) == server.name
        if server.process:
            assert (server.command.split()[0], server.transport == "unix") in LISTEN


def test_missing_packages_are_named():
    server = Server("own", "", ("sys", "no_such_package"), "asgi", Capability(0))
    assert server.missing() == ["no_such_package"]
    assert not server.process


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("granian-rsgi", 4001, (1005, "")),
        ("uvicorn-sansio", 1008, (1008, "bye")),
        ("daphne", 1008, (1000, "")),
        ("daphne", 4001, (4001, "")),
        ("memory", 1000, (1000, "bye")),
    ],
)
def test_what_a_peer_sees_of_a_close(name, code, expected):
    assert BY_NAME[name].expected_close(code, "bye") == expected


@pytest.mark.parametrize(
    ("command", "endpoint", "expected"),
    [
        ("uvicorn {app} {address}", ENDPOINT, ["uvicorn", "a:app", "--host", "127.0.0.1", "--port", "8001"]),
        ("hypercorn {app} {address}", Endpoint("::1", 80), ["hypercorn", "a:app", "--bind", "[::1]:80"]),
        ("granian {app} {address}", Endpoint(unix_path="/a b"), ["granian", "a:app", "--uds", "/a b"]),
        ("own --at {host} {port} 'one word'", ENDPOINT, ["own", "--at", "127.0.0.1", "8001", "one word"]),
    ],
)
def test_command_line(command, endpoint, expected):
    assert command_line(own(command), "a:app", endpoint) == ["-m", *expected]


@pytest.mark.parametrize(
    ("endpoint", "url", "websocket_url"),
    [
        (Endpoint(), "http://127.0.0.1", "ws://127.0.0.1"),
        (ENDPOINT, "http://127.0.0.1:8001", "ws://127.0.0.1:8001"),
        (Endpoint("::1", 8001), "http://[::1]:8001", "ws://[::1]:8001"),
        (Endpoint(unix_path="/a"), "http://localhost", "ws://localhost"),
    ],
)
def test_addresses(endpoint, url, websocket_url):
    assert (endpoint.url, endpoint.websocket_url) == (url, websocket_url)
