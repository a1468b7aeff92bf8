"""Peers of apps in this process, and the threads that they and their apps live on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import threading
import time
from pathlib import Path

import pytest

from anysocket import ConnectionClosed, Message
from anysocket_servers._threads import CallThread, LoopThread

APPS = Path(__file__).parent / "apps"
KEYS = itertools.count(1)

in_process = pytest.mark.servers("testclient", "memory")


@pytest.fixture
def running(serve):
    return serve("served_app:app", APPS)


def threads_of(running) -> list[str]:
    return [thread.name for thread in threading.enumerate() if running.name in thread.name]


@in_process
async def test_a_receive_that_was_given_up_loses_no_message(running):
    """However its end and the message meet."""
    async with running.connect("/echo") as peer:
        for number in range(300):
            receiving = asyncio.create_task(peer.receive_text())
            await peer.send_text(str(number))
            for _ in range(number % 5):
                await asyncio.sleep(0)
            receiving.cancel()
            await asyncio.wait({receiving})
            told = await peer.receive_text() if receiving.cancelled() else receiving.result()
            assert told == str(number)


@in_process
async def test_close_of_the_peer_is_answered_and_told(running):
    key = f"{running.name}-closed"
    async with running.connect(f"/end/{key}") as peer:
        assert await peer.receive_text() == "ready"
        await peer.close(4001, "bye")
        assert (await peer.receive_close()).code == 4001
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "us")
    answer = await running.request("GET", f"/facts/{key}")
    assert answer.json() == {"fact": [4001, "bye"]}


@in_process
async def test_close_comes_once_and_is_answered(running):
    async with running.connect("/close/4001") as peer:
        assert await peer.receive() == Message("close", "bye", 4001, "bye")
        for call in (peer.receive(), peer.send_text("too late")):
            with pytest.raises(ConnectionClosed) as closed:
                await call
            assert (closed.value.code, closed.value.by) == (4001, "peer")


@in_process
async def test_waits_are_bounded(running):
    async with running.connect("/echo") as peer:
        peer.timeout = 0.05
        with pytest.raises(AssertionError, match=r"expected a text message within 0\.05 s, nothing came"):
            await peer.receive_text()
        await peer.receive_nothing(0.01)
        peer.timeout = 5.0
        await peer.send_text("and on")
        assert await peer.receive_text() == "and on"


@in_process
async def test_response_and_log(running):
    response = await running.request("POST", f"/facts/log-{next(KEYS)}", json={}, headers=[("x-one", "1")])
    assert (response.status, response.json(), response.text) == (200, {}, "{}")
    assert (await running.request("GET", "/nothing", body=b"x")).status == 404


@pytest.mark.servers("testclient")
async def test_refused_handshakes_and_peers_that_left_leave_no_thread(running):
    before = len(threads_of(running))
    for path in ("/refuse", "/nothing", "/close/4001"):
        try:
            async with running.connect(path) as peer:
                await peer.receive_close()
        except ConnectionError:
            continue
    async with asyncio.timeout(5):
        while len(threads_of(running)) > before:
            await asyncio.sleep(0.01)


# -- threads --


async def test_loop_thread_runs_coroutines_and_is_cancelled_with_its_caller():
    loop = LoopThread("of a test")
    begun, ended = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    async def answer() -> str:
        return threading.current_thread().name

    assert await loop.call(answer()) == "of a test"
    with pytest.raises(TimeoutError):
        await loop.call(wait_for_ever(), 0.05)
    assert begun.wait(5) and ended.wait(5)
    ended.clear()
    loop.submit(wait_for_ever())
    loop.stop()
    assert ended.is_set(), "what is left is cancelled"


async def test_a_loop_that_its_app_blocks_stops_nobody():
    loop = LoopThread("blocked")
    release = threading.Event()

    async def block() -> None:
        release.wait(10)

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        await loop.call(block(), 0.05)
    assert time.monotonic() - begun < 2
    release.set()
    loop.stop()


async def test_call_thread_calls_one_after_the_other_and_hands_over_errors():
    calls = CallThread("calls")
    order: list[int] = []
    release = threading.Event()
    waiting = calls.submit(lambda: release.wait(5))
    dropped = calls.submit(lambda: order.append(0))
    last = calls.submit(lambda: order.append(1))
    assert dropped.cancel()
    with pytest.raises(TimeoutError):
        await calls.call(lambda: order.append(2), 0.05)
    release.set()
    assert waiting.result(5)
    last.result(5)
    with pytest.raises(ZeroDivisionError):
        await calls.call(lambda: 1 // 0)
    assert order == [1]
    calls.stop()


@pytest.mark.parametrize(
    "end", [SystemExit(3), asyncio.CancelledError(), concurrent.futures.CancelledError()]
)
async def test_the_end_of_what_is_called_is_not_that_of_its_caller(end):
    def call() -> None:
        raise end

    calls = CallThread("ends")
    with pytest.raises(RuntimeError, match=type(end).__name__):
        await calls.call(call)
    calls.stop()
