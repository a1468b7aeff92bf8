"""The live page of a manager: connections, rooms, rates, slow consumers, closes."""

from anysocket_monitor._page import build_monitor

__all__ = ["build_monitor"]
