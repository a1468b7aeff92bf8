"""A pytest plugin: tests of an app on real servers and in memory. pytest loads it by itself.

    import pytest

    @pytest.mark.anysocket("chat:app", servers=["granian-rsgi", "uvicorn-sansio", "memory"])
    def test_echo(anysocket_server):
        with anysocket_server.connect("/rooms/a") as peer:
            peer.send_text("hello")
            assert peer.receive_text() == "hello"

Here are the types of the fixtures, for annotations. Every run of pytest imports this package, so it imports
the servers and clients only when a test asks for them.
"""

from anysocket_pytest._connection import Connection, SyncPeer
from anysocket_pytest._server import AnysocketServer, AnysocketStart, SyncServer

__all__ = ["AnysocketServer", "AnysocketStart", "Connection", "SyncPeer", "SyncServer"]
