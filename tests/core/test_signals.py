"""SIGTERM and SIGINT reach the apps first, then who would have got them without us."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anysocket import _signals
from anysocket._signals import drain_on_signals, forget, is_watched
from core.fake_transport import settle, soon

TERM, INT = signal.SIGTERM, signal.SIGINT


class FakeApp:
    """One that ends when it is let."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.may_end = asyncio.Event()
        self.error: Exception | None = None

    async def drain(self) -> None:
        self.happened.append("drain")
        await self.may_end.wait()
        if self.error is not None:
            raise self.error

    def hasten(self) -> None:
        self.happened.append("hasten")


class Hearer:
    """What a server does on a signal, or a user's own handler."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __call__(self, *arguments: Any) -> None:
        self.heard.append(arguments)


@pytest.fixture
def hearer() -> Iterator[Hearer]:
    """A server that has asked for both signals with signal.signal(), as uvicorn and Daphne do."""
    hearer = Hearer()
    before = {number: signal.signal(number, hearer) for number in (TERM, INT)}
    yield hearer
    _signals._watch = None
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def app(hearer: Hearer) -> FakeApp:
    return FakeApp()


def watch(app: FakeApp, **options: Any) -> None:
    drain_on_signals(app, asyncio.get_running_loop(), **options)


@pytest.mark.parametrize("number", [TERM, INT])
async def test_the_app_ends_then_the_server_hears(
    app: FakeApp, hearer: Hearer, number: signal.Signals
) -> None:
    watch(app)
    signal.raise_signal(number)
    await settle()
    assert app.happened == ["drain"] and hearer.heard == []
    app.may_end.set()
    await settle()
    assert hearer.heard == [(number, None)]
    assert signal.getsignal(number) is hearer


async def test_several_apps_end_together(
    app: FakeApp, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    other = FakeApp()
    other.error = LookupError("it failed")
    watch(app)
    watch(other)
    signal.raise_signal(TERM)
    await settle()
    assert app.happened == other.happened == ["drain"]
    app.may_end.set()
    await settle()
    assert hearer.heard == []
    other.may_end.set()
    await settle()
    assert hearer.heard == [(TERM, None)] and "it failed" in caplog.text


async def test_signals_in_quick_succession_are_one(app: FakeApp, hearer: Hearer) -> None:
    """Ctrl-C reaches a worker, and then its parent's SIGTERM."""
    watch(app)
    for number in (INT, TERM, TERM):
        signal.raise_signal(number)
        await settle()
    assert app.happened == ["drain"]
    app.may_end.set()
    await settle()
    assert hearer.heard == [(INT, None)]


@pytest.mark.parametrize(("again", "hastened"), [(True, ["hasten"]), (False, [])])
async def test_a_second_signal_hastens(
    app: FakeApp, hearer: Hearer, monkeypatch: pytest.MonkeyPatch, again: bool, hastened: list[str]
) -> None:
    monkeypatch.setattr(_signals, "SAME", -1.0)
    watch(app, again=again)
    for number in (TERM, INT):
        signal.raise_signal(number)
        await settle()
    assert app.happened == ["drain", *hastened]


async def test_what_ends_may_be_more_than_the_app(app: FakeApp, hearer: Hearer) -> None:
    async def end() -> None:
        app.happened.append("end")

    watch(app, end=end)
    signal.raise_signal(TERM)
    await settle()
    assert app.happened == ["end"] and hearer.heard == [(TERM, None)]


async def test_with_the_last_app_all_is_as_before(app: FakeApp, hearer: Hearer) -> None:
    other = FakeApp()
    watch(app)
    watch(other)
    assert is_watched(app) and is_watched(other)
    forget(app)
    forget(app)
    assert not is_watched(app) and signal.getsignal(TERM) != hearer
    forget(other)
    assert signal.getsignal(TERM) is signal.getsignal(INT) is hearer


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler])
async def test_who_has_not_asked_for_a_signal_is_not_watched(
    app: FakeApp, hearer: Hearer, handler: Any
) -> None:
    signal.signal(INT, handler)
    watch(app)
    assert signal.getsignal(INT) is handler and signal.getsignal(TERM) is not hearer


async def test_a_loop_that_has_closed_leaves_the_signal_to_the_server(app: FakeApp, hearer: Hearer) -> None:
    loop = asyncio.new_event_loop()
    drain_on_signals(app, loop)
    loop.close()
    signal.raise_signal(TERM)
    assert hearer.heard == [(TERM, None)] and app.happened == []


async def test_a_handler_that_calls_ours_first_is_not_called_by_it(app: FakeApp, hearer: Hearer) -> None:
    """As by libraries that chain handlers: once all is put back, ours has nobody to tell."""
    loop = asyncio.new_event_loop()
    drain_on_signals(app, loop)
    ours: Any = signal.getsignal(TERM)
    loop.close()
    signal.raise_signal(TERM)
    ours(TERM, None)
    assert hearer.heard == [(TERM, None)] and app.happened == []


async def test_another_loop_takes_over(app: FakeApp, hearer: Hearer) -> None:
    """As after asyncio.run() of an app that nobody stopped."""
    loop = asyncio.new_event_loop()
    drain_on_signals(app, loop)
    loop.close()
    other = FakeApp()
    watch(other)
    assert not is_watched(app)
    forget(other)
    assert signal.getsignal(TERM) is hearer


@pytest.mark.parametrize("next_app", [True, False])
async def test_who_has_taken_our_place_meanwhile_keeps_it(
    app: FakeApp, hearer: Hearer, next_app: bool
) -> None:
    """A test, say, has served an app with asyncio.run(); then a server asks for the signals."""
    loop = asyncio.new_event_loop()
    drain_on_signals(app, loop)
    loop.close()
    server = Hearer()
    signal.signal(TERM, server)
    if next_app:
        watch(app)
        signal.raise_signal(TERM)
        app.may_end.set()
        await settle()
    else:
        forget(app)
        signal.raise_signal(TERM)
    assert [number for number, _ in server.heard] == [TERM] and hearer.heard == []
    assert signal.getsignal(TERM) is server


async def test_in_another_thread_there_are_no_signals(
    app: FakeApp, hearer: Hearer, caplog: pytest.LogCaptureFixture
) -> None:
    watches: list[Any] = []
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=lambda: watches.append(drain_on_signals(app, loop)))
    with caplog.at_level(logging.DEBUG, "anysocket"):
        thread.start()
        thread.join()
    assert watches == [None] and signal.getsignal(TERM) is hearer
    assert "not in the main thread" in caplog.text


# -- handlers of the event loop's own, which is how Granian and Hypercorn do it --


def run_on(loop_type: str, main: Callable[[], Any]) -> None:
    """Run a coroutine function on an event loop of this kind."""
    if loop_type == "asyncio":
        factory: Any = asyncio.new_event_loop
    else:
        factory = pytest.importorskip(loop_type).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


# rloop leaves the sockets by which it wakes itself to the garbage collector.
RLOOP = pytest.param(
    "rloop", marks=pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
)
LOOPS = ["asyncio", "uvloop", RLOOP]


@pytest.mark.parametrize("loop_type", LOOPS)
@pytest.mark.parametrize("number", [TERM, INT])
def test_a_server_that_can_be_stopped_is(hearer: Hearer, loop_type: str, number: signal.Signals) -> None:
    stopped: list[int] = []

    async def main() -> None:
        app = FakeApp()
        for each in (TERM, INT):
            asyncio.get_running_loop().add_signal_handler(each, hearer)
        watch(app, stop=lambda: stopped.append(1))
        signal.raise_signal(number)
        await _until(lambda: app.happened == ["drain"])
        app.may_end.set()
        await _until(lambda: stopped == [1])
        signal.raise_signal(number)  # From here on the server is busy with its end.
        await settle()
        assert stopped == [1] and hearer.heard == []
        forget(app)

    run_on(loop_type, main)


def test_handlers_of_asyncio_are_called_and_put_back(hearer: Hearer) -> None:
    async def main() -> None:
        app = FakeApp()
        loop = asyncio.get_running_loop()
        for each in (TERM, INT):
            loop.add_signal_handler(each, hearer, each)
        watch(app)
        app.may_end.set()
        signal.raise_signal(INT)
        await _until(lambda: hearer.heard == [(INT,)])
        signal.raise_signal(TERM)
        await _until(lambda: hearer.heard == [(INT,), (TERM,)])
        assert app.happened == ["drain"]

    run_on("asyncio", main)


@pytest.mark.parametrize("loop_type", ["uvloop", RLOOP])
def test_where_handlers_cannot_be_read_sigterm_ends_as_sigint(hearer: Hearer, loop_type: str) -> None:
    async def main() -> None:
        app = FakeApp()
        loop = asyncio.get_running_loop()
        for each in (TERM, INT):
            loop.add_signal_handler(each, hearer, each)
        watch(app)
        app.may_end.set()
        signal.raise_signal(TERM)
        await _until(lambda: hearer.heard == [(INT,)])
        assert app.happened == ["drain"]
        forget(app)

    run_on(loop_type, main)


@pytest.mark.parametrize("loop_type", LOOPS)
def test_a_loop_that_others_wake_all_the_time_hears_too(
    hearer: Hearer, loop_type: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What wakes it is full then, and takes no signal."""

    async def main() -> None:
        app = FakeApp()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(TERM, hearer)
        watch(app, stop=lambda: None)
        for _ in range(10_000):
            loop.call_soon_threadsafe(lambda: None)
        signal.raise_signal(TERM)
        await _until(lambda: app.happened == ["drain"])
        forget(app)

    run_on(loop_type, main)
    assert capfd.readouterr().err == ""


def test_a_handler_in_the_place_of_ours_leaves_us_the_loop(hearer: Hearer) -> None:
    async def main() -> None:
        app = FakeApp()
        asyncio.get_running_loop().add_signal_handler(TERM, hearer)
        watch(app, stop=lambda: None)
        signal.signal(TERM, lambda *arguments: None)
        signal.raise_signal(TERM)
        await _until(lambda: app.happened == ["drain"])
        forget(app)

    run_on("asyncio", main)


@pytest.mark.parametrize("loop_type", LOOPS)
def test_handlers_of_python_are_heard_on_every_loop(hearer: Hearer, loop_type: str) -> None:
    async def main() -> None:
        app = FakeApp()
        watch(app)
        signal.raise_signal(TERM)
        await _until(lambda: app.happened == ["drain"])
        app.may_end.set()
        await _until(lambda: hearer.heard == [(TERM, None)])

    run_on(loop_type, main)


async def test_the_end_may_begin_without_a_signal(app: FakeApp, hearer: Hearer) -> None:
    """Where the server's workers are told in another way."""
    stopped: list[int] = []
    watching = drain_on_signals(app, asyncio.get_running_loop(), stop=lambda: stopped.append(1))
    assert watching is not None
    app.may_end.set()
    watching.begin()
    watching.begin()
    await settle()
    assert app.happened == ["drain"] and stopped == [1]
    forget(app)
    for number in (TERM, INT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_without_a_way_to_stop_the_server_nothing_begins(app: FakeApp, hearer: Hearer) -> None:
    watching = drain_on_signals(app, asyncio.get_running_loop())
    assert watching is not None
    watching.begin()
    await settle()
    assert app.happened == []


async def _until(condition: Callable[[], bool]) -> None:
    async def wait() -> None:
        while not condition():
            await asyncio.sleep(0.001)

    await soon(wait())
