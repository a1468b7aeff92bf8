"""Traces for OpenTelemetry: handshakes, connections with their handlers, broadcasts."""

from anysocket_opentelemetry._tracing import Tracing

__all__ = ["Tracing"]
