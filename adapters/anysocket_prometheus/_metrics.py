"""An observer that Prometheus collects from."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anysocket import (
    BackplaneStatistics,
    ConnectionClosed,
    ManagerStatistics,
    Observer,
    WebSocket,
    WebSocketManager,
)
from anysocket._totals import Totals

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Seconds: a fan-out to a hundred connections takes less than a millisecond, one that blocks much longer."""

GAUGES = {
    "connections": ("connections", "Connections that are open."),
    "outbox_messages": ("messages_queued", "Messages of broadcasts that wait to be sent."),
    "outbox_bytes": ("bytes_queued", "Bytes of broadcasts that wait to be sent."),
    "outbox_max_messages": ("most_messages_queued", "Messages in the longest outbox."),
    "outbox_max_bytes": ("most_bytes_queued", "Bytes in the largest outbox."),
}
COUNTERS = {
    "messages_received": ("messages_received", "Messages that peers have sent."),
    "messages_sent": ("messages_sent", "Messages that the server has taken to send."),
    "messages_dropped": ("messages_dropped", "Messages of broadcasts that were not sent."),
    "received_bytes": ("bytes_received", "Payload bytes that peers have sent."),
    "sent_bytes": ("bytes_sent", "Payload bytes that the server has taken to send."),
    "dropped_bytes": ("bytes_dropped", "Payload bytes of broadcasts that were not sent."),
    "slow_consumers": ("slow_consumers", "Connections closed with 1013 as they did not read fast enough."),
}
BACKPLANE_COUNTERS = {
    "published": "Messages that backplanes have taken, with those of their own.",
    "received": "Messages of other processes that were delivered.",
    "dropped": "Messages that were not published, as a backplane was down or too slow.",
    "missed": "Messages of other processes that are known not to have come.",
    "restarts": "Starts of backplanes after a failure.",
}


class Metrics(Observer, Collector):
    """Counts what it is told of, for the registry of prometheus_client.

    ::

        metrics = Metrics()
        app, manager = App(observers=[metrics]), WebSocketManager(observers=[metrics])

    Connections, messages, bytes, closes, refusals and failures are those of the apps, rooms and
    broadcasts those of the managers. Numbers are of this process. A scrape takes time for each open
    connection, a message nothing at all. Any thread may scrape, as that of ``start_http_server`` does.

    ``ValueError`` if the registry has such metrics already: one object serves any number of apps.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._books = threading.Lock()
        """A scrape in between would find a connection that ends nowhere, or twice."""
        self._open = set[WebSocket]()
        self._totals = Totals()
        self._managers = WeakSet[WebSocketManager]()
        self._refusals = Counter(
            "anysocket_refusals",
            "Handshakes refused, by HTTP status and by what stood against it; empty: the handler.",
            ("status", "limit"),
            registry=None,
        )
        self._failures = Counter("anysocket_handler_failures", "Handlers that raised.", registry=None)
        self._broadcasts = Histogram(
            "anysocket_broadcast_duration_seconds",
            "Time in which a broadcast is queued to all of its members.",
            buckets=BUCKETS,
            registry=None,
        )
        self._recipients = Counter(
            "anysocket_broadcast_recipients", "Connections that broadcasts were queued to.", registry=None
        )
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Every metric, as it is now."""
        with self._books:
            statistics = self._totals.statistics(self._open, {})
        for name, (field, text) in GAUGES.items():
            yield GaugeMetricFamily(f"anysocket_{name}", text, getattr(statistics, field))
        for name, (field, text) in COUNTERS.items():
            yield CounterMetricFamily(f"anysocket_{name}", text, getattr(statistics, field))
        yield _closes(statistics)
        rooms = sum(len(manager.rooms) for manager in self._managers)
        yield GaugeMetricFamily("anysocket_rooms", "Rooms with somebody in them.", rooms)
        yield from _backplanes([manager.backplane.statistics for manager in self._managers])
        for metric in (self._refusals, self._failures, self._broadcasts, self._recipients):
            yield from metric.collect()

    def describe(self) -> Iterator[Metric]:
        """The same: by their names the registry refuses a second one."""
        return self.collect()

    # -- what the core tells --

    def on_accepted(self, websocket: WebSocket) -> None:
        """Count it from now on."""
        with self._books:
            self._open.add(websocket)
            self._totals.joined(websocket)

    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        """Keep its numbers, and not itself."""
        with self._books:
            self._open.discard(websocket)
            self._totals.left(websocket)

    def on_refused(self, websocket: WebSocket, status: int, limit: str) -> None:
        """Count it."""
        self._refusals.labels(str(status), limit).inc()

    def on_failed(self, websocket: WebSocket, error: BaseException) -> None:
        """Count it."""
        self._failures.inc()

    def on_manager(self, manager: WebSocketManager) -> None:
        """Its rooms count."""
        self._managers.add(manager)

    def on_broadcast(
        self, manager: WebSocketManager, rooms: tuple[str, ...], recipients: int, seconds: float
    ) -> None:
        """Count it, and its time."""
        self._broadcasts.observe(seconds)
        self._recipients.inc(recipients)


def _closes(statistics: ManagerStatistics) -> CounterMetricFamily:
    closes = CounterMetricFamily(
        "anysocket_closes", "Connections that have ended; 1006: without a close frame.", labels=["code"]
    )
    for code, count in sorted(statistics.closes.items()):
        closes.add_metric([str(code)], count)
    return closes


def _backplanes(statistics: Sequence[BackplaneStatistics]) -> Iterator[Metric]:
    up = all(each.up for each in statistics)
    yield GaugeMetricFamily("anysocket_backplane_up", "Whether messages reach other processes.", int(up))
    nodes = max((each.nodes for each in statistics), default=1)
    yield GaugeMetricFamily("anysocket_backplane_nodes", "Processes that are there, with this one.", nodes)
    queued = sum(each.queued for each in statistics)
    yield GaugeMetricFamily("anysocket_backplane_queued", "Messages that wait to be published.", queued)
    for name, text in BACKPLANE_COUNTERS.items():
        total = sum(getattr(each, name) for each in statistics)
        yield CounterMetricFamily(f"anysocket_backplane_{name}", text, total)
