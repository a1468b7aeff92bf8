"""Rooms across processes by NATS: ``nats://…``, ``tls://…``."""

from anysocket_nats._backplane import NATSBackplane, connect

__all__ = ["NATSBackplane", "connect"]
