"""Testing WebSocket apps without sockets.

    from anysocket.testing import connect

    async def test_room():
        async with connect(app, "/rooms/a") as peer:
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"

No test framework is needed, and none is imported.
"""

from anysocket._memory_backplane import MemoryHub
from anysocket.testing._chaos import Chaos
from anysocket.testing._check_backplane import BackplaneFactory, check_backplane
from anysocket.testing._check_transport import TransportFactory, check_transport
from anysocket.testing._memory import MemoryTransport, connect, lifespan
from anysocket.testing._peer import Peer, Refused

__all__ = [
    "BackplaneFactory",
    "Chaos",
    "MemoryHub",
    "MemoryTransport",
    "Peer",
    "Refused",
    "TransportFactory",
    "check_backplane",
    "check_transport",
    "connect",
    "lifespan",
]
