"""Coroutines as tests, HTTP, the log, and the end of a server. The app is named in pyproject.toml."""

import signal

import pytest

from anysocket_pytest import AnysocketServer, AnysocketStart

pytestmark = pytest.mark.anysocket(servers=["granian-rsgi", "granian-asgi", "uvicorn-sansio", "memory"])


async def test_a_room_hears_what_is_announced(anysocket_server: AnysocketServer) -> None:
    async with anysocket_server.connect("/rooms/b") as peer:
        await peer.send_text("hello")
        assert await peer.receive_text() == "hello"  # So it is in the room by now.
        response = await anysocket_server.request("POST", "/rooms/b", body=b"closing time")
        assert response.json() == {"reached": 1}
        assert await peer.receive_text() == "closing time"
    assert "b: 5 characters" in await anysocket_server.logged("5 characters")


def test_without_a_coroutine(anysocket_server: AnysocketServer) -> None:
    response = anysocket_server.sync.request("POST", "/rooms/empty", body=b"hello")
    assert response.json() == {"reached": 0}


@pytest.mark.anysocket(servers=["granian-rsgi", "uvicorn-sansio"])
def test_an_open_connection_does_not_hold_up_the_end(anysocket_start: AnysocketStart) -> None:
    server = anysocket_start(arguments=["--log-level", "debug"])
    with server.connect("/rooms/a"):
        server.process.send_signal(signal.SIGTERM)
        server.sync.ended(timeout=10)
