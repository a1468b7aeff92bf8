"""An app on any server, as a process on loopback or in this one, and real clients to it: for tests.

    from anysocket_servers import BY_NAME, start

    with start(BY_NAME["granian-rsgi"], "chat:app", folder=".") as running:
        async with running.connect("/rooms/a") as peer:
            await peer.send_text("hello")
            assert await peer.receive_text() == "hello"

The pytest plugin does the starting for tests (:mod:`anysocket_pytest`).
"""

from anysocket_servers._connection import FrameConnection, open_frames
from anysocket_servers._endpoint import Endpoint
from anysocket_servers._frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, header
from anysocket_servers._handshake import Answer, Handshake
from anysocket_servers._launch import Pool, launch, start
from anysocket_servers._peer import SocketPeer, connect_socket
from anysocket_servers._process import ProcessRunning
from anysocket_servers._requests import Response
from anysocket_servers._running import Running, StartError
from anysocket_servers._table import BY_NAME, PONG_TIMEOUT, SERVERS, VARIANTS, Server

__all__ = [
    "Answer",
    "BINARY",
    "BY_NAME",
    "CLOSE",
    "CONTINUATION",
    "Endpoint",
    "FrameConnection",
    "Handshake",
    "PING",
    "PONG",
    "PONG_TIMEOUT",
    "Pool",
    "ProcessRunning",
    "Response",
    "Running",
    "SERVERS",
    "Server",
    "SocketPeer",
    "StartError",
    "TEXT",
    "VARIANTS",
    "connect_socket",
    "frame",
    "header",
    "launch",
    "open_frames",
    "start",
]
