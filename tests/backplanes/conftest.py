"""Every backplane: its broker, if it has one, as a process of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from brokers import Broker, free_port, nats_broker, redis_broker, running

MAKERS = {"redis": redis_broker, "nats": nats_broker}
WITH_BROKER = tuple(MAKERS)
EVERY = (*WITH_BROKER, "zenoh")


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Broker]]:
    """Those that were needed so far, by name; left as they were found."""
    brokers: dict[str, Broker] = {}
    yield brokers
    for broker in brokers.values():
        broker.kill()


@pytest.fixture(params=EVERY)
def url(
    request: pytest.FixtureRequest, brokers: dict[str, Broker], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """A backplane's URL."""
    name: str = request.param
    if name == "zenoh":
        pytest.importorskip("zenoh")
        return f"zenoh://127.0.0.1:{free_port()}"
    if name not in brokers:
        broker = MAKERS[name](tmp_path_factory.mktemp(name))
        broker.start()
        brokers[name] = broker
    return brokers[name].url


@pytest.fixture(params=WITH_BROKER)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test's own, which may do with it what it likes."""
    yield from running(MAKERS[request.param], tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each backplane on one server, each server with one backplane; the rest is for `tox -e soak`."""
    for item in items:
        chosen = item.callspec.params if hasattr(item, "callspec") else {}
        both = {"server", "url"} <= chosen.keys()
        if both and chosen["server"].name != "granian-rsgi" and chosen["url"] != "zenoh":
            item.add_marker(pytest.mark.soak)
