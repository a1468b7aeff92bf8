"""The spans of a connection, and what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from anysocket import App, ConnectionClosed, Denied, WebSocket, WebSocketManager
from anysocket.testing import Refused, connect
from anysocket_opentelemetry import Tracing
from core.fake_transport import FakeTransport, soon

APPS = Path(__file__).parent / "apps"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def app_of(tracing: Tracing, handler: Callable[[WebSocket], Awaitable[None]]) -> App:
    app = App(observers=[tracing], unmatched="deny")
    app.websocket("/rooms/<room>")(lambda websocket, room: handler(websocket))
    return app


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    spans = exporter.get_finished_spans()
    assert len({span.name for span in spans}) == len(spans)
    return {span.name: span for span in spans}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def identity(span: ReadableSpan) -> tuple[str, str]:
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


async def test_a_connection_and_its_handshake(exporter: InMemorySpanExporter, tracing: Tracing) -> None:
    app = app_of(tracing, echo)
    headers = [("traceparent", TRACEPARENT), ("user-agent", "a browser")]
    async with connect(app, "/rooms/a?token=secret", headers=headers) as peer:
        assert list(by_name(exporter)) == ["websocket handshake"]  # It is told at once.
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"
        await peer.close(4001, "bye")
    spans = by_name(exporter)
    connection, handshake = spans["GET /rooms/<room>"], spans["websocket handshake"]
    assert connection.kind is SpanKind.SERVER and connection.status.status_code is StatusCode.UNSET
    assert identity(connection)[0] == identity(handshake)[0] == TRACE
    assert connection.parent is not None and f"{connection.parent.span_id:016x}" == PARENT
    assert handshake.parent is not None and f"{handshake.parent.span_id:016x}" == identity(connection)[1]
    assert attributes(handshake) == {"http.response.status_code": 101}
    told = attributes(connection)
    assert len(told.pop("anysocket.websocket.id")) == 32
    assert told == {
        "http.request.method": "GET",
        "http.route": "/rooms/<room>",
        "http.response.status_code": 101,
        "url.scheme": "ws",
        "url.path": "/rooms/a",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 50000,
        "client.address": "127.0.0.1",
        "server.address": "testserver",
        "server.port": 80,
        "user_agent.original": "a browser",
        "anysocket.close.code": 4001,
        "anysocket.close.reason": "bye",
        "anysocket.close.by": "peer",
        "anysocket.messages.received": 1,
        "anysocket.messages.sent": 1,
    }


async def test_the_handler_and_its_broadcasts_are_inside(
    exporter: InMemorySpanExporter, tracing: Tracing
) -> None:
    manager = WebSocketManager(observers=[tracing])
    current = []

    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        current.append(f"{trace.get_current_span().get_span_context().span_id:016x}")
        manager.add_connection("me", websocket)
        manager.join_room("me", "a")
        await manager.broadcast_to_room("a", "hello")

    async with connect(app_of(tracing, handler), "/rooms/a") as peer:
        assert await peer.receive_text() == "hello"
        await peer.receive_close()
    spans = by_name(exporter)
    connection, broadcast = spans["GET /rooms/<room>"], spans["websocket broadcast"]
    assert current == [identity(connection)[1]]
    assert broadcast.parent is not None and f"{broadcast.parent.span_id:016x}" == current[0]
    assert attributes(broadcast) == {"anysocket.recipients": 1, "anysocket.rooms": ("a",)}
    assert broadcast.start_time and broadcast.end_time and connection.start_time and connection.end_time
    assert connection.start_time <= broadcast.start_time <= broadcast.end_time <= connection.end_time
    assert trace.get_current_span().get_span_context().span_id == 0  # Nothing is left of it here.


async def test_a_handler_that_fails_is_an_error(exporter: InMemorySpanExporter, tracing: Tracing) -> None:
    async def handler(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ValueError("a bug")

    async with connect(app_of(tracing, handler), "/rooms/a") as peer:
        await peer.receive_close()
    connection = by_name(exporter)["GET /rooms/<room>"]
    assert connection.status.status_code is StatusCode.ERROR
    assert connection.status.description == "ValueError: a bug"
    assert [event.name for event in connection.events] == ["exception"]
    assert attributes(connection)["anysocket.close.code"] == 1011


@pytest.mark.parametrize(
    ("path", "status", "code", "limit"),
    [("/rooms/a", 401, StatusCode.UNSET, None), ("/nowhere", 404, StatusCode.UNSET, "route")],
)
async def test_a_refusal(
    exporter: InMemorySpanExporter,
    tracing: Tracing,
    path: str,
    status: int,
    code: StatusCode,
    limit: str | None,
) -> None:
    async def handler(websocket: WebSocket) -> None:
        raise Denied(status)

    with pytest.raises(Refused):
        async with connect(app_of(tracing, handler), path):
            pass
    handshake, connection = exporter.get_finished_spans()
    for span in (handshake, connection):
        assert attributes(span)["http.response.status_code"] == status
        assert attributes(span).get("anysocket.limit") == limit
        assert span.status.status_code is code


async def test_a_refusal_because_the_handler_failed_is_an_error(
    exporter: InMemorySpanExporter, tracing: Tracing
) -> None:
    async def handler(websocket: WebSocket) -> None:
        raise ValueError("a bug")

    with pytest.raises(Refused):
        async with connect(app_of(tracing, handler), "/rooms/a"):
            pass
    for span in exporter.get_finished_spans():
        assert attributes(span)["http.response.status_code"] == 500
        assert span.status.status_code is StatusCode.ERROR


async def test_a_peer_that_leaves_before_the_answer(
    exporter: InMemorySpanExporter, tracing: Tracing, caplog: pytest.LogCaptureFixture
) -> None:
    transport = FakeTransport("/rooms/a")
    transport.accept_fails_with = ConnectionClosed(1006, "", "lost")
    await soon(app_of(tracing, echo).serve(transport))
    assert len(exporter.get_finished_spans()) == 2
    assert not tracing._connections and not caplog.records


async def test_connections_at_once_have_spans_of_their_own(
    exporter: InMemorySpanExporter, tracing: Tracing
) -> None:
    app = app_of(tracing, echo)

    async def one(number: int) -> None:
        async with connect(app, f"/rooms/{number}") as peer:
            await peer.send_text("hello")
            await peer.receive_text()

    await asyncio.gather(*map(one, range(20)))
    connections = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert {attributes(span)["url.path"] for span in connections} == {f"/rooms/{n}" for n in range(20)}
    assert all(span.parent is None for span in connections)
    assert len({identity(span)[0] for span in connections}) == 20


async def test_without_an_sdk_it_costs_little_and_does_nothing() -> None:
    """The API's own provider makes spans that nobody records."""
    async with connect(app_of(Tracing(trace.NoOpTracerProvider()), echo), "/rooms/a") as peer:
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"


@pytest.mark.servers("granian-rsgi", "uvicorn-sansio")
async def test_on_a_real_server(start_server, server):
    running = start_server("traced:app", APPS)
    async with running.connect("/rooms/a", headers=[("traceparent", TRACEPARENT)]) as peer:
        inside = await peer.receive_text()
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"
    async with asyncio.timeout(10):
        spans: dict[str, Any] = {}
        while "GET /rooms/<room>" not in spans:  # The handler ends after its client.
            response = await running.request("GET", "/spans")
            spans = {span["name"]: span for span in response.json()}
    assert set(spans) == {"GET /rooms/<room>", "websocket handshake", "websocket broadcast"}
    assert {span["context"]["trace_id"] for span in spans.values()} == {f"0x{TRACE}"}
    connection = spans["GET /rooms/<room>"]
    assert connection["context"]["span_id"] == f"0x{inside}" == spans["websocket broadcast"]["parent_id"]
    assert connection["parent_id"] == f"0x{PARENT}"
    assert connection["attributes"]["client.address"] == "127.0.0.1"
    assert connection["attributes"]["network.protocol.version"] == "1.1"
