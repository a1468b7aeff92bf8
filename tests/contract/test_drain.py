"""The end of the server under load and against handlers that do not help (contract section 7).

That peers are told, handlers unwind and the lifespan ends is a case of the matrix on every server; here are
the numbers, the stubborn, and the ways in which servers are told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from anysocket import ConnectionClosed, Message
from anysocket.testing import Peer, Refused
from anysocket_servers import ProcessRunning

TIMEOUT = 30.0
"""Seconds for whatever a test waits for."""
SLACK = 1.5
"""Seconds more than drain_timeout, for a machine that is busy with other things."""
BATCH = 20
"""How many messages ``/busy`` queues for one of its peer."""
WORKERS = ("--workers", "4")
FORKING = ("granian-rsgi", "granian-asgi", "uvicorn-sansio", "hypercorn")
SOME = ("granian-rsgi", "granian-rsgi-2-workers", "granian-asgi", "uvicorn-sansio", "hypercorn", "daphne")
ALL = (
    *("granian-rsgi", "granian-rsgi-mt", "granian-asgi", "granian-rsgi-uvloop", "granian-rsgi-rloop"),
    *("granian-rsgi-2-workers", "granian-rsgi-unix", "uvicorn-sansio", "uvicorn-wsproto", "uvicorn-legacy"),
    *("uvicorn-picows", "uvicorn-sansio-uvloop", "hypercorn", "hypercorn-http2", "daphne"),
)


class Notes:
    """What handlers have noted, in the order in which they did."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def count(self) -> Counter[str]:
        return Counter(self.lines())


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture
def begin(start_server, notes):
    """Serve ``drain_app.py`` for this test alone; ``drain_timeout`` is the first argument."""

    def begin(timeout: float, app: str = "app", arguments=(), **environment: str) -> ProcessRunning:
        settings = {"NOTES": str(notes.path), "DRAIN_TIMEOUT": str(timeout), **environment}
        running = start_server(f"drain_app:{app}", environment=settings, arguments=arguments)
        assert isinstance(running, ProcessRunning)
        return running

    return begin


class Crowd:
    """Peers that are connected until their connections end."""

    def __init__(self, running: ProcessRunning) -> None:
        self.running = running
        self.ends: list[Message] = []
        self.received: dict[int, list[str]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._joined = asyncio.Semaphore(0)

    async def join(self, path: str, count: int = 1) -> None:
        """Connect; ``path`` is that of handlers which begin with a message."""
        for _ in range(count):
            self._tasks.append(asyncio.create_task(self._stay(path)))
        await self._all_joined(count)

    async def join_busy(self, count: int) -> None:
        """Connect peers that ask for messages again and again."""
        for number in range(count):
            self._tasks.append(asyncio.create_task(self._ask(number)))
        await self._all_joined(count)

    async def under_way(self) -> None:
        """Wait until some who ask have asked again."""
        async with asyncio.timeout(TIMEOUT):
            while sum(map(len, self.received.values())) <= len(self.received) * BATCH:
                await asyncio.sleep(0.05)

    async def left(self) -> None:
        """Wait until all connections have ended."""
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*self._tasks)

    async def _all_joined(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT):
            for _ in range(count):
                await self._joined.acquire()

    async def _stay(self, path: str) -> None:
        async with self.running.connect(path, timeout=TIMEOUT) as peer:
            assert await peer.receive_text() == "in"
            self._joined.release()
            self.ends.append(await end_of(peer))

    async def _ask(self, number: int) -> None:
        came = self.received[number] = []
        async with self.running.connect(f"/busy/{number}", timeout=TIMEOUT) as peer:
            self._joined.release()
            while True:
                if len(came) % BATCH == 0:
                    await asyncio.sleep(random.random() / 5)
                    with contextlib.suppress(ConnectionError):
                        await peer.send_text("more")
                message = await peer.receive()
                if message.code is not None:
                    self.ends.append(message)
                    return
                came.append(str(message.data))


async def end_of(peer: Peer) -> Message:
    while (message := await peer.receive()).code is None:
        pass
    return message


async def ends_within(running: ProcessRunning, seconds: float, began: float) -> None:
    await running.ended(TIMEOUT)
    assert time.monotonic() - began < seconds + SLACK, running.log()


def tell(running: ProcessRunning, number: signal.Signals = signal.SIGTERM) -> float:
    running.process.send_signal(number)
    return time.monotonic()


# -- many --


async def play_many(running: ProcessRunning, server, notes: Notes, timeout: float) -> None:
    """400 peers that are sent messages, 50 handlers that sleep, 50 that only send."""
    crowd = Crowd(running)
    for joining in (crowd.join("/sleep", 50), crowd.join("/send", 50), crowd.join_busy(400)):
        await joining
    await crowd.under_way()
    began = tell(running)
    await crowd.left()
    await ends_within(running, timeout, began)
    expected = server.expected_close(1001, "server shutting down")
    assert Counter((end.code, end.reason) for end in crowd.ends) == {expected: 500}
    count = notes.count()
    assert (count["/sleep"], count["/send"]) == (50, 50)
    queued = {f"busy {number} {len(came)}" for number, came in crowd.received.items()}
    assert {line for line in count if line.startswith("busy")} == queued
    assert all(came == [str(each) for each in range(len(came))] for came in crowd.received.values())


@pytest.mark.slow
@pytest.mark.needs("process")
async def test_500_sockets_under_load(begin, server, notes):
    """Every peer sees the close and, before it, all that was queued for it; every handler unwinds."""
    running = begin(6)
    await play_many(running, server, notes, 6)
    assert notes.count()["lifespan"] == 1


@pytest.mark.slow
@pytest.mark.servers(*FORKING)
async def test_500_sockets_on_four_workers(begin, server, notes):
    running = begin(6, arguments=WORKERS)
    await all_started(running, 4)
    await play_many(running, server, notes, 6)
    assert notes.count()["lifespan"] == 4


async def all_started(running: ProcessRunning, workers: int) -> None:
    """Workers that still start are not told. The log has a line for each one, on each server another."""
    starts = {"granian": "Started worker-", "uvicorn": "startup complete", "hypercorn": "Running on"}
    start = next(text for name, text in starts.items() if running.name.startswith(name))
    async with asyncio.timeout(TIMEOUT):
        while started(running.log(), start) < workers:
            await asyncio.sleep(0.01)


def started(log: str, start: str) -> int:
    return len([line for line in log.splitlines() if start in line and "runtime" not in line])


# -- those who do not help --


@pytest.mark.slow
@pytest.mark.servers(*ALL)
async def test_stubborn_handlers_hold_nothing_up(begin, server, notes):
    """Whether they sleep, only send, or swallow their cancellation, or whatever ends them."""
    running = begin(3)
    crowd = Crowd(running)
    paths = ["/receive", "/sleep", "/send", "/swallow", "/swallow-all"]
    for path in paths:
        await crowd.join(path, 2)
    began = tell(running)
    await crowd.left()
    await ends_within(running, 3, began)
    assert {(end.code, end.reason) for end in crowd.ends} == {
        server.expected_close(1001, "server shutting down")
    }
    assert notes.count() == {**dict.fromkeys(paths, 2), "lifespan": server.workers}
    assert notes.lines()[-1] == "lifespan" or server.workers > 1
    log = running.log()
    assert "left behind" in log and ".handler (" in log


@pytest.mark.slow
@pytest.mark.needs("process")
async def test_peers_that_do_not_read_hold_nothing_up(begin, notes):
    running = begin(3)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            peer = await stack.enter_async_context(running.connect("/flood"))
            assert await peer.receive_text() == "in"
            peer.pause_reading()
        await asyncio.sleep(0.5)  # Until the server's and the system's buffers are full.
        began = tell(running)
        await ends_within(running, 3, began)
    assert notes.count() == {"/flood": 3, "lifespan": 1}


# -- in the meantime --


@pytest.mark.servers(*SOME)
async def test_while_it_ends_it_is_not_ready_and_refuses_upgrades(begin, server, notes):
    """A handler that tidies up has time, and HTTP is served."""
    running = begin(20)
    crowd = Crowd(running)
    await crowd.join("/tidy-up", 3 * server.workers)
    assert (await running.request("GET", "/ready")).status == 200
    began = tell(running)
    await crowd.left()
    async with asyncio.timeout(TIMEOUT):  # Each worker hears of it in its own time.
        while (await running.request("GET", "/ready")).status != 503:
            pass
    for _ in range(5):
        with pytest.raises(Refused) as refused:
            async with running.connect("/receive"):
                pass
        assert refused.value.status == (503 if server.denial_status else 403)
    assert notes.lines() == []
    while not {"/tidy-up", "lifespan"} <= set(notes.lines()) and running.alive():
        with contextlib.suppress(Exception):  # Until the last worker has got it.
            await running.request("POST", "/may-end")
    await ends_within(running, 10, began)
    assert notes.count() == {"/tidy-up": 3 * server.workers, "lifespan": server.workers}


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "uvicorn-picows")
async def test_for_the_delay_it_is_not_ready_but_takes_connections(begin, server, notes):
    running = begin(9, DRAIN_DELAY="1")
    began = tell(running)
    async with asyncio.timeout(TIMEOUT):
        while (await running.request("GET", "/ready")).status != 503:
            pass
    crowd = Crowd(running)
    await crowd.join("/receive")
    await crowd.left()
    assert time.monotonic() - began > 0.9
    await ends_within(running, 2, began)
    assert notes.lines() == ["/receive", "lifespan"]


# -- the ways to tell it --


@pytest.mark.servers(*SOME)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_with_its_whole_group(begin, server, notes, number):
    """Ctrl-C in a terminal, and systemd: workers hear it themselves, and then again from their parent."""
    running = begin(20)
    crowd = Crowd(running)
    await crowd.join("/receive", 5)
    os.killpg(running.process.pid, number)
    began = time.monotonic()
    await crowd.left()
    await ends_within(running, 5, began)
    assert {end.code for end in crowd.ends} == {server.expected_close(1001)[0]}
    assert notes.count() == {"/receive": 5, "lifespan": server.workers}


@pytest.mark.slow
@pytest.mark.servers(
    "granian-rsgi", "granian-asgi", "granian-rsgi-rloop", "uvicorn-sansio", "uvicorn-picows", "daphne"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_again_it_hastens(begin, notes, number):
    running = begin(60)
    crowd = Crowd(running)
    for path in ("/receive", "/sleep", "/swallow"):
        await crowd.join(path)
    began = time.monotonic()
    for _ in range(2):
        for process in workers_of(running):
            os.kill(process, number)
        await asyncio.sleep(1.1)
    await crowd.left()
    await ends_within(running, 4, began)
    assert notes.count() == {"/receive": 1, "/sleep": 1, "/swallow": 1, "lifespan": 1}


def workers_of(running: ProcessRunning) -> list[int]:
    """The processes that serve: Granian's main process does not hand on a second signal."""
    main = running.process.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [int(child) for child in children] if running.name.startswith("granian") else [main]


@pytest.mark.servers("uvicorn-sansio", "uvicorn-sansio-uvloop", "uvicorn-picows")
async def test_a_handler_of_ones_own_is_called_too(begin, notes):
    running = begin(20, LISTEN_TOO="yes")
    crowd = Crowd(running)
    await crowd.join("/receive")
    tell(running)
    await crowd.left()
    await running.ended(TIMEOUT)
    assert notes.lines() == ["/receive", "own handler", "lifespan"]


@pytest.mark.slow
@pytest.mark.servers("granian-rsgi")
async def test_a_worker_that_is_replaced_drains(begin, notes):
    """SIGHUP: new workers serve, then the old ones are told to end."""
    running = begin(4, arguments=("--workers-kill-timeout", "15"))
    crowd = Crowd(running)
    await crowd.join("/receive", 3)
    await crowd.join("/sleep")
    tell(running, signal.SIGHUP)
    await crowd.left()
    await running.logged("Stopped old worker-1", TIMEOUT)
    assert notes.count() == {"/receive": 3, "/sleep": 1, "lifespan": 1}
    await crowd.join("/receive")
    tell(running)
    await crowd.left()
    await running.ended(TIMEOUT)
    assert notes.count() == {"/receive": 4, "/sleep": 1, "lifespan": 2}


@pytest.mark.slow
@pytest.mark.servers("granian-rsgi")
async def test_a_kill_timeout_that_is_shorter_cuts_it_short(begin, notes):
    """What Granian does then: docs/production.md tells to set it longer."""
    running = begin(20, arguments=("--workers-kill-timeout", "1"))
    crowd = Crowd(running)
    await crowd.join("/sleep")
    began = tell(running)
    await crowd.left()
    await ends_within(running, 1, began)
    assert notes.lines() == []


# -- connections of others --


@pytest.mark.slow
@pytest.mark.needs("process")
async def test_websockets_of_mounted_apps_end_too(begin, server, notes):
    running = begin(3)
    crowd = Crowd(running)
    for path in ("receive", "sleep", "swallow"):
        await crowd.join(f"/mounted/{path}")
    began = tell(running)
    await crowd.left()
    await ends_within(running, 3, began)
    count = notes.count()
    assert count.pop("disconnect", 0) == (server.name.startswith(("granian-rsgi", "uvicorn")))
    assert count == {"mounted receive": 1, "mounted sleep": 1, "mounted swallow": 1, "lifespan": 1}
    # uvicorn tells by itself, with its own code, those of whom we know nothing.
    code = 1012 if server.name.startswith("uvicorn") else server.expected_close(1001)[0]
    assert {end.code for end in crowd.ends} == {code}


@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
async def test_websockets_of_an_asgi_app_under_rsgi_end_too(begin, notes):
    running = begin(2, app="bridged")
    crowd = Crowd(running)
    await crowd.join("/receive")
    await crowd.join("/sleep")
    began = tell(running)
    await crowd.left()
    with pytest.raises((Refused, OSError)):
        async with running.connect("/receive"):
            pass
    await ends_within(running, 2, began)
    assert notes.count() == {"disconnect": 1, "mounted receive": 1, "mounted sleep": 1}
    assert {end.code for end in crowd.ends} == {1005}
    with pytest.raises((ConnectionClosed, OSError)):
        async with running.connect("/receive") as peer:
            await peer.receive()
