import pytest

from anysocket_pytest import AnysocketServer


@pytest.mark.anysocket("chat:app", servers=["granian-rsgi", "uvicorn-sansio", "hypercorn", "memory"])
def test_all_in_a_room_get_a_message(anysocket_server: AnysocketServer) -> None:
    with anysocket_server.connect("/rooms/a") as peer:
        peer.send_text("hello")
        assert peer.receive_text() == "hello"
