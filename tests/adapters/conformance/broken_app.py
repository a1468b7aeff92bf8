"""The app of the cases on adapters that are broken on purpose; ``BROKEN`` in the environment says how."""

from __future__ import annotations

import os
from string import digits
from typing import Any

from anysocket_asgi._transport import ASGITransport
from anysocket_conformance._apps import contract
from anysocket_rsgi._transport import RSGITransport

__all__ = ["contract"]

ADAPTERS: tuple[Any, ...] = (ASGITransport, RSGITransport)


def swap_text_and_bytes(adapter: Any) -> None:
    send_text, send_bytes = adapter.send_text, adapter.send_bytes
    adapter.send_text = lambda self, data: send_bytes(self, data.encode())
    adapter.send_bytes = lambda self, data: send_text(self, data.decode("latin-1"))


def drop_the_close_code(adapter: Any) -> None:
    close = adapter.close
    adapter.close = lambda self, code, reason: close(self, 1000, reason)


def reorder_two_sends(adapter: Any) -> None:
    """Now and then a message waits until the next one of the same sender has been sent."""
    original = adapter.send_text

    async def send_text(self: Any, data: str) -> None:
        held = self.__dict__.setdefault("held", {})
        sender = data.rstrip(digits)
        if data.endswith("7") and sender not in held:
            held[sender] = data
            return
        await original(self, data)
        if sender in held:
            await original(self, held.pop(sender))

    adapter.send_text = send_text


for adapter in ADAPTERS:
    globals()[os.environ["BROKEN"]](adapter)
