"""The client side in memory, for adapters that play a whole server."""

from __future__ import annotations

import pytest

from anysocket import ConnectionClosed, Message
from anysocket.testing._memory import MemoryPeer
from anysocket.testing._peer import LOST
from anysocket.testing._wire import Channel


async def test_a_server_that_drops_the_connection_is_lost_to_the_peer() -> None:
    to_app: Channel[Message] = Channel()
    to_peer: Channel[Message] = Channel()
    peer = MemoryPeer(to_app, to_peer, timeout=1.0)
    await to_peer.put(Message("text", "last words"))
    to_app.end(LOST)
    to_peer.end(LOST)
    assert await peer.receive_text() == "last words"
    with pytest.raises(ConnectionClosed) as closed:
        await peer.send_text("too late")
    assert (closed.value.code, closed.value.by) == (1006, "lost")
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert (closed.value.code, closed.value.by) == (1006, "lost")
