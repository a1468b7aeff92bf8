"""What a server runs at its start and its end, and what it refuses to start with (contract 3.7, 8)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anysocket import Capability
from anysocket.testing import Refused
from anysocket_servers import StartError, start

WAY_OUT = "--interface asgi"


@pytest.mark.servers("granian-rsgi-rust")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Granian has such tasks up to Python 3.11")
def test_rust_tasks_are_refused_with_the_way_out(start_server):
    with pytest.raises(StartError) as refusal:
        start_server("contract_app:app")
    assert "--task-impl rust cannot run WebSockets" in str(refusal.value)
    assert "--task-impl asyncio" in str(refusal.value)


@pytest.mark.needs("process")
@pytest.mark.parametrize(
    ("app", "capability"),
    [
        ("requiring", "subprotocol"),
        ("requiring", "accept_headers"),
        ("requiring", "lost_is_1006"),  # of uvicorn's implementations one has it
        ("negotiating", "subprotocol"),
    ],
    ids=[
        "requires-subprotocol",
        "requires-accept-headers",
        "requires-lost-is-1006",
        "route-with-subprotocols",
    ],
)
async def test_app_starts_only_where_its_needs_are_met(start_server, server, app, capability):
    name = capability.upper()

    def start_app():
        return start_server(f"requirements_app:{app}", environment={"REQUIRES": name})

    if Capability[name] in server.capabilities:
        async with start_app().connect("/", subprotocols=["chat.v1", "chat.v2"]) as peer:
            assert await peer.receive_text() == "None"
            assert peer.subprotocol == ("chat.v2" if app == "negotiating" else None)
    elif server.lifespan:
        with pytest.raises(StartError) as refusal:
            start_app()
        assert f"Capability.{name}" in str(refusal.value)
        assert WAY_OUT in str(refusal.value) or "compat_matrix.md" in str(refusal.value)
    else:  # The first connection finds out.
        running = start_app()
        with pytest.raises(Refused):
            async with running.connect("/"):
                pass
        assert f"Capability.{name}" in running.log()


async def test_lifespan_is_entered_before_and_left_after(server, tmp_path):
    trace = tmp_path / "trace"
    folder = Path(__file__).parent
    with start(server, "requirements_app:traced", folder, {"TRACE": str(trace)}) as running:
        async with running.connect("/") as peer:
            assert await peer.receive_text() == "7"
        assert not trace.exists()
    if server.lifespan:
        assert trace.read_text() == "the lifespan ended"


@pytest.mark.needs("process", "lifespan")
async def test_failing_lifespan_ends_the_server_with_its_message(start_server):
    with pytest.raises(StartError) as failure:
        start_server("requirements_app:failing")
    assert "the database is not there" in str(failure.value)
