"""What the client of a contract case notes."""

from __future__ import annotations

import asyncio

import pytest

from anysocket import WebSocket
from anysocket.testing import _play, check_transport, connect
from anysocket.testing._case import Case, Client, Sight
from anysocket.testing._stage import MOMENT, LocalBackstage, Notebook, Stage
from core.fake_transport import soon


def test_a_difference_names_the_side_and_what_it_saw() -> None:
    expected = Sight(("text 'a'",), ("done",))
    assert Sight(("text 'a'",), ("done",)).difference(expected) == ""
    assert Sight(("text 'a'",), ()).difference(expected) == "handler: nothing"
    assert Sight(("lost",), ("x", "y")).difference(expected) == "client: lost; handler: x, y"


class _Pausing(Case):
    """A pause is nothing."""

    client_sees = ("text 'a'", "nothing", "close 4000 'bye'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("a")
        await stage.cue("end")
        await websocket.close(4000, "bye")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
            await client.see(peer, 0.01)
            client.cue("end")
            await client.see(peer)


class _Talking(Case):
    """Messages before the end are passed over."""

    client_sees = ("close 4000 ''",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send_text("a")
        await websocket.send_bytes(b"b")
        await websocket.close(4000)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            assert await client.see_end(peer) == "close 4000 ''"


class _Endless(Case):
    """A play has an end, whatever the case does."""

    client_sees = ("it does not end",)

    async def client(self, client: Client) -> None:
        await client.noted("what nobody notes")


async def test_what_a_client_sees_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await check_transport(connect, cases=[_Pausing(), _Talking()]) == 2
    monkeypatch.setattr(_play, "PLAY_TIMEOUT", 0.05)
    assert await check_transport(connect, cases=[_Endless()]) == 1


async def test_notes_are_settled_when_every_handler_has_ended() -> None:
    notebook = Notebook()
    backstage = LocalBackstage(notebook)
    with backstage.open("token") as stage:
        settled = asyncio.create_task(notebook.settled("token", None))
        await asyncio.sleep(0)
        stage.note("early")
        await asyncio.sleep(2 * MOMENT)
        stage.note("late")
        await asyncio.sleep(2 * MOMENT)
        assert not settled.done()
    await soon(settled)
    assert notebook.notes("token") == ["early", "late"]
