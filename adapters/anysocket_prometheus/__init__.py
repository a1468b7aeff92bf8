"""Metrics for Prometheus: connections, messages, closes, refusals, outboxes, fan-out."""

from anysocket_prometheus._metrics import Metrics

__all__ = ["Metrics"]
