"""How ASGI servers' signals reach the app first."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest

from anysocket import App, _signals
from anysocket_asgi._profiles import PROFILES, Profile
from anysocket_asgi._signals import watch_signals

TIMEOUT = 5.0
HYPERCORN, DAPHNE = (
    next(profile for profile in PROFILES if profile.server == name) for name in ("Hypercorn", "Daphne")
)


class Event:
    """multiprocessing's, as far as Hypercorn's workers look at it."""

    def __init__(self) -> None:
        self.asked = False

    def is_set(self) -> bool:
        return self.asked


@pytest.fixture(autouse=True)
def handled() -> Iterator[list[int]]:
    """The signals that a server has handled, which has asked for both."""
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in _signals.NUMBERS}
    for number in before:
        signal.signal(number, lambda number, frame: heard.append(number))
    yield heard
    _signals._watch = None
    for number, handler in before.items():
        signal.signal(number, handler)


def hypercorn_worker(shutdown_event: Any, *apps: App) -> None:
    """What calls an app in a worker of Hypercorn has the event in a variable of this name."""
    for app in apps:
        watch_signals(app, HYPERCORN)


# As a function of Hypercorn's.
HYPERCORN_WORKER: Any = FunctionType(
    hypercorn_worker.__code__, {**globals(), "__name__": "hypercorn.asyncio.run"}
)


async def until(condition: Any) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.001)


async def test_hypercorn_finds_its_event_set_when_the_apps_have_ended() -> None:
    event, apps = Event(), (App(), App())
    HYPERCORN_WORKER(event, *apps)
    assert not event.is_set() and all(app.ready for app in apps)
    event.asked = True
    assert not event.is_set()
    await until(event.is_set)
    assert not any(app.ready for app in apps)


async def test_hypercorn_ends_at_a_signal_of_its_worker_too() -> None:
    event = Event()
    HYPERCORN_WORKER(event, App())
    signal.raise_signal(signal.SIGTERM)
    await until(event.is_set)


async def test_hypercorn_in_another_thread_is_left_alone() -> None:
    event = Event()

    async def serve() -> None:
        HYPERCORN_WORKER(event, App())

    await asyncio.to_thread(asyncio.run, serve())
    event.asked = True
    assert event.is_set()


async def test_a_server_without_lifespan_leaves_it_to_us(handled: list[int]) -> None:
    left: list[str] = []

    class Around:
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *error: object) -> None:
            left.append("left")

    around: Any = Around()
    app = App(lifespan=lambda app: around)
    await app.lifespan.ensure_started()
    for _ in range(2):
        watch_signals(app, DAPHNE)
    signal.raise_signal(signal.SIGTERM)
    await until(lambda: handled == [signal.SIGTERM])
    assert left == ["left"]


@pytest.mark.parametrize(("has_cut", "expected"), [(True, ["left"]), (False, [])])
async def test_a_server_that_dies_of_cuts_does_not_take_the_lifespan_along(
    handled: list[int], monkeypatch: pytest.MonkeyPatch, has_cut: bool, expected: list[str]
) -> None:
    left: list[str] = []

    class Cutting(App):
        has_cut = False

        async def leave_lifespan(self) -> None:
            left.append("left")

    app = Cutting()
    monkeypatch.setattr(Cutting, "has_cut", has_cut)
    watch_signals(app, next(profile for profile in PROFILES if profile.dies_of_cuts))
    signal.raise_signal(signal.SIGINT)
    await until(lambda: handled == [signal.SIGINT])
    assert left == expected


async def test_an_unknown_server_in_another_thread_is_told_of_in_one_debug_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As Starlette's TestClient, whose lifespan ends the app."""
    app, profile = App(), Profile("unknown", (), HYPERCORN.capabilities)

    async def serve() -> None:
        watch_signals(app, profile)

    with caplog.at_level(logging.DEBUG, "anysocket"):
        await asyncio.to_thread(asyncio.run, serve())
    assert [record.levelname for record in caplog.records if record.name == "anysocket"] == ["DEBUG"]
    assert not _signals.is_watched(app)
