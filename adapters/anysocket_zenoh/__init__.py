"""Rooms across processes by Zenoh, without a broker: ``zenoh://``."""

from anysocket_zenoh._backplane import ZenohBackplane, connect

__all__ = ["ZenohBackplane", "connect"]
