"""The chat of `anysocket demo`, as its page sees it, on every server."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from anysocket.testing import Peer
from anysocket_cli import demo
from anysocket_cli.demo_requests import Refused


class Page:
    """One page of the chat: sends and awaits JSON messages."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    async def send(self, type: str, **fields: Any) -> None:
        await self.peer.send_json({"type": type, **fields})

    async def get(self, *types: str) -> dict[str, Any]:
        """The next message, but for presence, which must have one of these types."""
        while True:
            message: dict[str, Any] = await self.peer.receive_json()
            if message["type"] in types:
                return message
            assert message["type"] == "presence", message

    async def presence(self, expected: Callable[[list[str]], bool]) -> dict[str, Any]:
        """The first presence message whose names are as expected; others before it are skipped."""
        while True:
            message = await self.get("presence")
            if expected([person["name"] for person in message["people"]]):
                return message

    async def refused(self, reason: str) -> str:
        """The text of the next message, an error with this reason."""
        message = await self.get("error")
        assert message["reason"] == reason, message
        return str(message["text"])


Open = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture
def open_page(serve) -> Open:
    """Open the chat and say hello; without a name, only open it."""
    running = serve("anysocket_cli.demo:app")

    @contextlib.asynccontextmanager
    async def open_page(name: str = "", room: str = "", key: str = "") -> AsyncIterator[Page]:
        async with running.connect("/chat", origin=running.url) as peer:
            page = Page(peer)
            if name:
                await page.send("hello", name=name, key=key)
                assert await page.get("welcome") == {"type": "welcome", "name": name}
            if room:
                await page.send("join", room=room)
                assert await page.get("joined") == {"type": "joined", "name": name, "room": room}
            yield page

    return open_page


@pytest.fixture
def room() -> str:
    """A room of the test's own: the servers are shared."""
    return uuid.uuid4().hex[:10]


def name() -> str:
    return "N" + uuid.uuid4().hex[:10]


async def test_page(serve):
    running = serve("anysocket_cli.demo:app")
    page = await running.request("GET", "/")
    assert page.status == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.decode() == demo.PAGE
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_everyone_in_the_room_reads_what_is_said(open_page, room):
    ada, bob, eve = name(), name(), name()
    async with (
        open_page(ada, room) as first,
        open_page(bob, room) as second,
        open_page(eve, room + "x") as third,
    ):
        assert (await first.get("joined"))["name"] == bob
        await second.send("say", text="  hello\nworld <b>  ")
        for page in (first, second):
            said = await page.get("said")
            assert (said["name"], said["room"], said["text"]) == (bob, room, "hello\nworld <b>")
            assert abs(said["time"] - time.time()) < 10
        await third.send("ping")
        await third.get("pong")  # and nothing of the other room before it


async def test_typing_is_seen_by_all_but_the_sender(open_page, room):
    ada, bob = name(), name()
    async with open_page(ada, room) as first, open_page(bob, room) as second:
        await first.get("joined")
        await second.send("typing")
        assert await first.get("typing") == {"type": "typing", "name": bob, "room": room}
        await second.send("ping")
        await second.get("pong")


async def test_whisper_reaches_the_recipient_and_the_sender_only(open_page, room):
    ada, bob = name(), name()
    async with open_page(ada, room) as first, open_page(bob) as second, open_page(name(), room) as third:
        await first.get("joined")
        await first.send("whisper", to=bob.upper(), text="psst")
        for page in (first, second):
            whispered = await page.get("whispered")
            assert (whispered["name"], whispered["to"], whispered["text"]) == (ada, bob, "psst")
        await third.send("ping")
        await third.get("pong")


async def test_presence_lists_people_and_rooms(open_page, room):
    ada, bob = name(), name()
    async with open_page(ada, room) as first:
        async with open_page(bob, room):
            await first.get("joined")
            told = await first.get("presence")
            assert {"name": bob, "room": room} in told["people"]
            assert {"name": room, "people": 2} in told["rooms"]
            assert [listed["name"] for listed in told["rooms"]][:3] == list(demo.ROOMS)
        assert await first.get("left") == {"type": "left", "name": bob, "room": room}
        told = await first.get("presence")
        assert bob not in [person["name"] for person in told["people"]]
        assert {"name": room, "people": 1} in told["rooms"]


async def test_joining_another_room_leaves_the_first(open_page, room):
    ada, bob = name(), name()
    async with open_page(ada, room) as first, open_page(bob, room) as second:
        await first.get("joined")
        await second.send("join", room=f"  {room.upper()}  2 ")
        assert await first.get("left") == {"type": "left", "name": bob, "room": room}
        assert await second.get("joined") == {"type": "joined", "name": bob, "room": f"{room} 2"}
        await first.send("say", text="alone")
        await first.get("said")
        await second.send("join", room=f"{room} 2")  # there already: nothing happens
        await second.send("ping")
        await second.get("pong")


async def test_name_is_taken_until_its_owner_leaves(open_page):
    ada = name()
    async with open_page() as second:
        async with open_page(ada, key="mine"):
            for attempt, key in ((ada, ""), (ada.upper(), "other"), (f" {ada.lower()} ", "")):
                await second.send("hello", name=attempt, key=key)
                assert "choose another name" in await second.refused("name_taken")
        async with open_page(name()) as third:
            await third.presence(lambda names: ada not in names)
        await second.send("hello", name=ada)
        assert (await second.get("welcome"))["name"] == ada


async def test_name_is_free_at_once_for_the_page_that_has_its_key(open_page, room):
    ada, bob = name(), name()
    async with open_page(bob, room) as other, open_page(ada, room, key="secret") as former:
        await other.get("joined")
        async with open_page(ada, room, key="secret") as latter:
            assert (await other.get("left"))["name"] == ada
            assert (await other.get("joined"))["name"] == ada
            await former.get("replaced")
            await former.peer.receive_close()
            await other.send("whisper", to=ada, text="still there?")
            assert (await latter.get("whispered"))["text"] == "still there?"
            await latter.send("say", text="yes")
            assert (await other.get("whispered", "said"))["type"] == "whispered"
            assert (await other.get("said"))["text"] == "yes"


@pytest.mark.parametrize(
    ("request_", "reason", "text"),
    [
        ({"type": "join"}, "bad_room", "room is missing"),
        ({"type": "join", "room": "x" * 25}, "bad_room", "room is too long: 25 characters, at most 24"),
        ({"type": "join", "room": "a\u202eb"}, "bad_room", "cannot be seen"),
        ({"type": "say", "text": "hi"}, "no_room", "join a room first"),
        ({"type": "typing"}, "no_room", "join a room first"),
        ({"type": "say", "text": " \n "}, "bad_text", "text is missing"),
        ({"type": "say", "text": ["a"]}, "bad_text", "text is missing"),
        ({"type": "say", "text": "x" * 1001}, "bad_text", "text is too long: 1001 characters, at most 1000"),
        ({"type": "whisper", "text": "hi"}, "bad_to", "to is missing"),
        ({"type": "whisper", "to": "nobody at all", "text": "hi"}, "not_here", "nobody at all is not here"),
        ({"type": "hello", "name": "second"}, "already_named", "you are N"),
        ({"type": "fly"}, "unknown_type", "hello, join, say"),
        ({"type": ["say"]}, "unknown_type", "hello, join, say"),
        ({}, "unknown_type", "hello, join, say"),
        ([], "bad_message", "JSON object"),
        ("{", "bad_message", "not JSON"),
        ("[" * 10_000, "bad_message", "not JSON"),
        (b"{}", "bad_message", "as text"),
    ],
)
@pytest.mark.servers("memory")
async def test_refused_and_the_chat_goes_on(open_page, request_, reason, text):
    async with open_page(name()) as page:
        await page.peer.send(request_ if isinstance(request_, str | bytes) else json.dumps(request_))
        assert text in await page.refused(reason)
        await page.send("ping")
        await page.get("pong")


@pytest.mark.servers("memory")
async def test_whisper_to_oneself(open_page):
    ada = name()
    async with open_page(ada) as page:
        await page.send("whisper", to=ada, text="hm")
        await page.refused("to_yourself")


@pytest.mark.servers("memory")
async def test_name_is_taken_over_before_a_room_was_joined(open_page):
    ada = name()
    async with open_page(ada, key="secret") as former, open_page(ada, key="secret") as latter:
        await former.get("replaced")
        await latter.send("ping")
        await latter.get("pong")


async def test_whisper_to_someone_who_is_just_leaving(monkeypatch):
    async def find(name: str) -> str:
        return "Bob"

    monkeypatch.setattr(demo, "find", find)
    asking: Any = demo.Person(websocket=None, name="Ada")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="Bob has just left"):
        await demo.whisper(asking, {"to": "bob", "text": "hi"})


@pytest.mark.servers("memory")
async def test_hello_comes_first(open_page):
    async with open_page() as page:
        await page.send("say", text="hi")
        await page.refused("no_name")
        for bad in ("", "   ", "x" * 25, "zero\u200bwidth", 7):
            await page.send("hello", name=bad)
            await page.refused("bad_name")


async def test_lost_page_is_gone_for_the_others(open_page, room, server):
    if not server.process:
        pytest.skip(f"{server} has no TCP connection to lose")
    ada, bob = name(), name()
    async with open_page(ada, room) as first, open_page(bob, room) as second:
        await first.get("joined")
        await second.peer.abort()
        assert await first.get("left") == {"type": "left", "name": bob, "room": room}
