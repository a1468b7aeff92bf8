"""What tests on every server do with a peer, besides what :class:`anysocket.testing.Peer` has."""

from __future__ import annotations

from anysocket.testing import Peer


async def receive_data(peer: Peer, timeout: float | None = None) -> str | bytes:
    """The data of the next message, text or binary: a test of both compares it with what it sent."""
    message = await peer.receive(timeout)
    assert message.type in ("text", "bytes"), f"expected text or bytes, {message!r} came"
    return message.data
