"""A plain function and the loop that it runs, in turns: everything that RSGI lets ``__rsgi_init__`` do."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anysocket_asgi._at_rest import call_at_rest

Loop = asyncio.AbstractEventLoop
LOOPS = ["asyncio", "uvloop"]


@pytest.fixture(params=[(name, debug) for name in LOOPS for debug in (False, True)], ids=str)
def call(request: pytest.FixtureRequest) -> Iterator[Callable[[Callable[[Loop], object]], None]]:
    """Call it while a loop of each kind runs, and see that the loop is as before."""
    name, debug = request.param
    factory = importlib.import_module(name).new_event_loop if name != "asyncio" else asyncio.new_event_loop

    async def run(function: Callable[[Loop], object]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await call_at_rest(function)
        finally:
            assert loop.is_running() and loop.get_debug() == debug
            assert not {"run_until_complete", "is_running", "stop", "close"} & set(vars(loop))

    with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        yield lambda function: runner.run(run(function))


def test_loop_is_at_rest(call):
    seen: list[Any] = []

    def function(loop: Loop) -> None:
        seen.extend([loop.is_running(), asyncio.get_event_loop() is loop])
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()

    call(function)
    assert seen == [False, True]


def test_run_until_complete(call):
    seen: list[Any] = []

    def function(loop: Loop) -> None:
        async def coroutine() -> str:
            await asyncio.sleep(0.001)
            assert loop.is_running() and asyncio.get_running_loop() is loop
            return "result"

        task = loop.create_task(coroutine())
        seen.append(loop.run_until_complete(coroutine()))
        seen.append(loop.run_until_complete(task))
        seen.append(asyncio.get_event_loop().run_until_complete(asyncio.gather(coroutine(), coroutine())))
        seen.append(loop.run_until_complete(loop.run_in_executor(None, str, 1)))

    call(function)
    assert seen == ["result", "result", ["result", "result"], "1"]


def test_what_is_made_belongs_to_the_loop(call):
    """Futures, tasks and callbacks, by whatever name the function makes them."""

    def function(loop: Loop) -> None:
        futures = [loop.create_future(), asyncio.Future(), asyncio.Future(loop=loop)]
        loop.call_soon(futures[0].set_result, 0)
        loop.call_later(0.001, futures[1].set_result, 1)
        loop.call_soon_threadsafe(futures[2].set_result, 2)
        assert all(future.get_loop() is loop for future in futures)
        lock, queue = asyncio.Lock(), asyncio.Queue[int]()

        async def use() -> list[Any]:
            async with lock:
                queue.put_nowait(3)
                return [*await asyncio.gather(*futures), await queue.get()]

        assert loop.run_until_complete(asyncio.ensure_future(use())) == [0, 1, 2, 3]

    call(function)


async def test_tasks_go_on_afterwards():
    tasks: list[asyncio.Task[str]] = []

    async def goes_on() -> str:
        await asyncio.sleep(0.001)
        return "went on"

    await call_at_rest(lambda loop: tasks.append(loop.create_task(goes_on())))
    async with asyncio.timeout(5):
        assert await tasks[0] == "went on"


async def test_nothing_else_runs_while_the_function_computes():
    running, ticks = True, 0
    seen: list[int] = []

    async def tick() -> None:
        nonlocal ticks
        while running:
            ticks += 1
            await asyncio.sleep(0)

    def function(loop: Loop) -> None:
        before = ticks
        sum(range(100_000))
        seen.append(ticks - before)
        loop.run_until_complete(asyncio.sleep(0.01))
        seen.append(ticks - before)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await call_at_rest(function)
    running = False
    await ticking
    assert seen[0] == 0 and seen[1] > 0


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_errors(call, error):
    """Out of a coroutine into the function, and out of the function."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise error("why")

    def function(loop: Loop) -> None:
        with pytest.raises(error, match=r"why|^$"):
            loop.run_until_complete(fails())
        raise LookupError("out of the function")

    with pytest.raises(LookupError, match="out of the function"):
        call(function)


def test_system_exit_of_the_function(call):
    def function(loop: Loop) -> None:
        raise SystemExit("refuses to start")

    with pytest.raises(SystemExit, match="refuses to start"):
        call(function)


def test_what_cannot_be_awaited(call):
    def function(loop: Any) -> None:
        with pytest.raises(TypeError):
            loop.run_until_complete(3)

    call(function)


def test_what_is_for_the_server(call):
    def function(loop: Any) -> None:
        for name in ("run_forever", "stop", "close"):
            with pytest.raises(RuntimeError, match=name):
                getattr(loop, name)()

    call(function)


def test_signal_handlers():
    handled = threading.Event()

    async def run() -> None:
        await call_at_rest(lambda loop: loop.add_signal_handler(signal.SIGUSR1, handled.set))
        os.kill(os.getpid(), signal.SIGUSR1)
        async with asyncio.timeout(5):
            while not handled.is_set():
                await asyncio.sleep(0.001)
        removed: list[bool] = []
        await call_at_rest(lambda loop: removed.append(loop.remove_signal_handler(signal.SIGUSR1)))
        assert removed == [True]

    asyncio.run(run())


def test_signal_handlers_where_there_can_be_none(caplog):
    """As under TestClient, whose loop has a thread of its own."""

    def run() -> None:
        asyncio.run(call_at_rest(lambda loop: loop.add_signal_handler(signal.SIGUSR1, print)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert "not in the main thread" in caplog.text


async def test_function_is_not_in_the_main_thread():
    """What it makes for its own thread, such as connections of sqlite3, is not for the loop's."""
    threads: list[threading.Thread] = []

    def function(loop: Loop) -> None:
        threads.append(threading.current_thread())
        with pytest.raises(ValueError, match="main thread"):
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        loop.run_until_complete(coroutine())

    async def coroutine() -> None:
        threads.append(threading.current_thread())

    await call_at_rest(function)
    assert threads[0] is not threading.main_thread() and threads[1] is threading.main_thread()


async def test_context_is_the_callers():
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("from outside")
    seen: list[str] = []

    async def read() -> None:
        seen.append(variable.get())

    await call_at_rest(lambda loop: loop.run_until_complete(read()))
    assert seen == ["from outside"]


async def test_cancellation_reaches_what_the_function_waits_for():
    waiting = asyncio.Event()
    seen: list[str] = []

    async def wait() -> None:
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("coroutine")

    def function(loop: Loop) -> None:
        try:
            loop.run_until_complete(wait())
        finally:
            seen.append("function")

    calling = asyncio.create_task(call_at_rest(function))
    async with asyncio.timeout(5):
        await waiting.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert seen == ["coroutine", "function"]


async def test_cancellation_that_the_function_swallows_still_ends_the_caller():
    waiting = asyncio.Event()

    async def wait() -> None:
        waiting.set()
        await asyncio.Event().wait()

    def function(loop: Loop) -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(wait())

    calling = asyncio.create_task(call_at_rest(function))
    async with asyncio.timeout(5):
        await waiting.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
