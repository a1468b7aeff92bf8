"""What Prometheus finds: the numbers, and names by its conventions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from anysocket import App, BackplaneError, WebSocket, WebSocketManager
from anysocket.testing import MemoryHub, Refused, connect
from anysocket_prometheus import Metrics

APPS = Path(__file__).parent / "apps"
Samples = dict[str, float]
"""Values by name, with the labels in braces."""


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def until(scrape: Callable[[], Awaitable[Samples]], name: str, value: float) -> Samples:
    """The samples, once this one has this value: a server notices an end after its client."""
    async with asyncio.timeout(10):
        while (found := await scrape()).get(name) != value:
            await asyncio.sleep(0.02)
    return found


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio")
@pytest.mark.parametrize("path", ["/metrics", "/mounted/"])
async def test_a_scrape_after_real_traffic(start_server, server, path):
    running = start_server("scraped:app", APPS)

    async def scrape() -> Samples:
        response = await running.request("GET", path)
        assert response.headers["content-type"].startswith("text/plain; version=")
        return samples(response.text)

    assert (await scrape())["anysocket_connections"] == 0
    async with running.connect("/rooms/a") as ann, running.connect("/rooms/a") as bob:
        assert await ann.receive_text() == await bob.receive_text() == "in"
        await ann.send_text("grüße")
        assert await ann.receive_text() == await bob.receive_text() == "grüße"
        found = await scrape()
        assert (found["anysocket_connections"], found["anysocket_rooms"]) == (2, 1)
        assert found["anysocket_messages_received_total"] == 1
        assert found["anysocket_received_bytes_total"] == 7
        assert found["anysocket_messages_sent_total"] == 2 + 2
        assert found["anysocket_sent_bytes_total"] == 4 + 14
        assert found["anysocket_broadcast_duration_seconds_count"] == 1
        assert found['anysocket_broadcast_duration_seconds_bucket{le="+Inf"}'] == 1
        assert 0 < found["anysocket_broadcast_duration_seconds_sum"] < 1
        assert found["anysocket_broadcast_recipients_total"] == 2
        await bob.send_text("fail")
        await bob.receive_close()
    for path_refused in ("/rooms/private", "/nowhere"):
        with pytest.raises(Refused):
            async with running.connect(path_refused):
                pass
    found = await until(scrape, "anysocket_connections", 0)
    assert found["anysocket_rooms"] == 0
    assert found["anysocket_messages_received_total"] == 2
    assert found["anysocket_handler_failures_total"] == 1
    assert found['anysocket_closes_total{code="1011"}'] == 1
    assert sum(value for name, value in found.items() if name.startswith("anysocket_closes_total")) == 2
    assert found['anysocket_refusals_total{limit="",status="401"}'] == 1
    assert found['anysocket_refusals_total{limit="route",status="404"}'] == 1


async def test_outboxes_drops_and_slow_consumers() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    app, manager = App(observers=[metrics]), WebSocketManager(observers=[metrics])

    @app.websocket("/<name>")
    async def handler(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        manager.add_connection(name, websocket)
        await websocket.wait_closed()

    def scrape() -> Samples:
        return samples(generate_latest(registry).decode())

    async with connect(app, "/quick") as quick, connect(app, "/slow"):
        size, sent = 1 << 16, 0
        while scrape()["anysocket_outbox_messages"] < 2:
            sent += await manager.broadcast_to_all(b"x" * size) > 0
            await quick.receive_bytes()
        found = scrape()
        assert found["anysocket_outbox_max_messages"] == found["anysocket_outbox_messages"] == 2
        assert found["anysocket_outbox_max_bytes"] == found["anysocket_outbox_bytes"] == 2 * size
        while "slow" in manager.connections:
            sent += await manager.broadcast_to_all(b"x" * size) > 0
            await quick.receive_bytes()
        found = scrape()
        assert found["anysocket_slow_consumers_total"] == found['anysocket_closes_total{code="1013"}'] == 1
        assert found["anysocket_messages_dropped_total"] > 10
        assert found["anysocket_dropped_bytes_total"] > 10 * size
        assert found["anysocket_outbox_messages"] == found["anysocket_outbox_bytes"] == 0
        assert found["anysocket_broadcast_duration_seconds_count"] == sent


def test_names_follow_the_conventions() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    families = list(text_string_to_metric_families(generate_latest(registry).decode()))
    ours = [family for family in families if not family.name.endswith("_created")]
    assert len(ours) > 15
    for family in ours:
        assert re.fullmatch(r"anysocket_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "histogram")
        assert not family.name.endswith("_total")  # The parser takes it off; else it would be there twice.
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


def test_a_registry_has_one_of_it() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    with pytest.raises(ValueError, match=r"[Dd]uplicated"):
        Metrics(registry)


async def test_the_default_registry_is_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    from prometheus_client import REGISTRY

    metrics = Metrics()
    try:
        assert "anysocket_connections" in generate_latest().decode()
    finally:
        REGISTRY.unregister(metrics)


async def test_managers_that_are_gone_are_forgotten() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    WebSocketManager(observers=[metrics])
    assert samples(generate_latest(registry).decode())["anysocket_rooms"] == 0
    assert len(metrics._managers) == 0


async def test_how_backplanes_are_doing():
    hub, registry = MemoryHub(), CollectorRegistry()
    metrics = Metrics(registry)
    manager, other = (WebSocketManager(backplane=hub.connect(), observers=[metrics]) for _ in range(2))
    alone = WebSocketManager(observers=[metrics])
    await asyncio.gather(manager.backplane.start(), other.backplane.start())
    await manager.broadcast_to_all("x")
    await alone.broadcast_to_all("x")

    async def scrape() -> Samples:
        return samples(generate_latest(registry).decode())

    found = await until(scrape, "anysocket_backplane_received_total", 1)
    assert found["anysocket_backplane_up"] == 1 and found["anysocket_backplane_nodes"] == 2
    assert found["anysocket_backplane_published_total"] >= 1
    hub.fail()
    found = await until(scrape, "anysocket_backplane_up", 0)
    with pytest.raises(BackplaneError):
        await manager.broadcast_to_all("x")
    assert (await scrape())["anysocket_backplane_dropped_total"] == 1
    await asyncio.gather(manager.backplane.stop(), other.backplane.stop())
