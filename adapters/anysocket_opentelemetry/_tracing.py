"""An observer that makes spans."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from importlib.metadata import version

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from anysocket import ConnectionClosed, Observer, WebSocket, WebSocketManager

ROOMS = 10
"""How many rooms of a broadcast are named at most."""


class Tracing(Observer):
    """Makes three kinds of spans, for the tracer provider that is given, else for the global one.

    * ``"GET /rooms/<room>"``, a server span: a connection from its handshake to its end. It is a child of
      the peer's, by its ``traceparent`` header, and current while the handler runs.
    * ``"websocket handshake"``, its child: until the upgrade is accepted or refused. It is told at
      once, while a connection's span is told when it ends, hours later maybe.
    * ``"websocket broadcast"``: a message queued to many, a child of what is current there.

    Attributes are those of OpenTelemetry's semantic conventions for HTTP servers where there is one, and
    ``anysocket.…`` else.
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("anysocket", version("anysocket"), tracer_provider)
        self._connections = dict[WebSocket, tuple[Span, Span]]()

    @contextlib.contextmanager
    def around_connection(self, websocket: WebSocket, route: str) -> Iterator[None]:
        """A span for the connection, current inside, and one for its handshake."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in websocket.headers}
        with self._tracer.start_as_current_span(
            f"GET {route}".strip(),
            propagate.extract(headers),
            SpanKind.SERVER,
            _attributes(websocket, route),
        ) as span:
            handshake = self._tracer.start_span("websocket handshake")
            self._connections[websocket] = span, handshake
            try:
                yield
            finally:
                if handshake.is_recording():  # The peer left before it was answered.
                    handshake.end()
                del self._connections[websocket]

    def on_accepted(self, websocket: WebSocket) -> None:
        """The end of the handshake."""
        self._answered(websocket, 101, "")

    def on_refused(self, websocket: WebSocket, status: int, limit: str) -> None:
        """The end of the handshake; an error of the server's if the status says so."""
        self._answered(websocket, status, limit)

    def _answered(self, websocket: WebSocket, status: int, limit: str) -> None:
        connection, handshake = self._connections[websocket]
        for span in (connection, handshake):
            span.set_attribute("http.response.status_code", status)
            if limit:
                span.set_attribute("anysocket.limit", limit)
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
        handshake.end()

    def on_failed(self, websocket: WebSocket, error: BaseException) -> None:
        """An error of the connection's span."""
        connection, _ = self._connections[websocket]
        connection.record_exception(error)
        connection.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))

    def on_ended(self, websocket: WebSocket, closed: ConnectionClosed) -> None:
        """How it ended, and what it has carried."""
        connection, _ = self._connections[websocket]
        statistics = websocket.statistics
        connection.set_attributes(
            {
                "anysocket.close.code": closed.code,
                "anysocket.close.reason": closed.reason,
                "anysocket.close.by": closed.by,
                "anysocket.messages.received": statistics.messages_received,
                "anysocket.messages.sent": statistics.messages_sent,
            }
        )

    def on_broadcast(
        self, manager: WebSocketManager, rooms: tuple[str, ...], recipients: int, seconds: float
    ) -> None:
        """A span of its own, for the time it took."""
        now = time.time_ns()
        attributes: dict[str, AttributeValue] = {"anysocket.recipients": recipients}
        if rooms:
            attributes["anysocket.rooms"] = rooms[:ROOMS]
        start = now - round(seconds * 1e9)
        span = self._tracer.start_span("websocket broadcast", start_time=start, attributes=attributes)
        span.end(now)


def _attributes(websocket: WebSocket, route: str) -> dict[str, AttributeValue]:
    scope = websocket.scope
    attributes: dict[str, AttributeValue] = {
        "anysocket.websocket.id": websocket.id,
        "http.request.method": "GET",
        "url.scheme": scope.scheme,
        "url.path": scope.path,
        "network.protocol.name": "http",
        "network.protocol.version": scope.http_version,
    }
    if route:
        attributes["http.route"] = route
    if scope.client is not None:
        attributes["client.address"] = attributes["network.peer.address"] = scope.client.host
        attributes["network.peer.port"] = scope.client.port
    if scope.server is not None:
        attributes["server.address"], attributes["server.port"] = scope.server
    if agent := websocket.headers.get("user-agent"):
        attributes["user_agent.original"] = agent
    return attributes
