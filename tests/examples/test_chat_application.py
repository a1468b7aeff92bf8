"""The whole chat, as its users live it."""

from __future__ import annotations

import contextlib

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.chat_application:app"


class User:
    """One person in the chat."""

    def __init__(self, name, peer):
        self.name = name
        self.peer = peer

    async def hear(self, type, name=None):
        """The next event of this type, about this person if one is named; what comes before is passed by."""
        while True:
            event = await self.peer.receive_json()
            if event["type"] == type and name in (None, event.get("name")):
                return event

    async def join(self, room):
        await self.peer.send_json({"type": "join", "room": room})
        assert (await self.hear("joined", self.name))["room"] == room

    async def leave(self, room):
        await self.peer.send_json({"type": "leave", "room": room})
        assert (await self.hear("left", self.name))["room"] == room

    async def send(self, room, text):
        await self.peer.send_json({"type": "send", "room": room, "text": text})


async def log_in(example, name):
    return (await example.post("/login", {"name": name}))["token"]


@contextlib.asynccontextmanager
async def enter(example, word):
    """Somebody who is in the chat."""
    name = example.unique(word)
    async with example.connect(f"/chat?token={await log_in(example, name)}") as peer:
        user = User(name, peer)
        welcome = await user.hear("welcome")
        assert welcome["name"] == name
        assert name in welcome["online"]
        yield user


async def test_rooms_carry_messages_to_those_who_joined(example):
    room = example.unique("kitchen")
    async with enter(example, "ann") as ann, enter(example, "bob") as bob, enter(example, "carol") as carol:
        await ann.join(room)
        await bob.join(room)
        assert (await ann.hear("joined", bob.name))["room"] == room
        await ann.send(room, "Hello")
        message = {"type": "message", "room": room, "name": ann.name, "text": "Hello"}
        assert await ann.hear("message") == message
        assert await bob.hear("message") == message
        await carol.send(room, "Let me in")
        assert (await carol.hear("error"))["error"] == f"join {room} first"
        await bob.send(room, "Who was that?")
        assert (await ann.hear("message"))["text"] == "Who was that?"


async def test_presence_is_told_to_the_others(example):
    async with enter(example, "ann") as ann:
        async with enter(example, "bob") as bob:
            assert (await ann.hear("presence", bob.name))["online"] is True
            await bob.peer.close()
            assert (await ann.hear("presence", bob.name))["online"] is False
        async with enter(example, "carol") as carol:
            assert (await ann.hear("presence", carol.name))["online"] is True
            await carol.peer.abort()
            assert (await ann.hear("presence", carol.name))["online"] is False


async def test_leaving_a_room_is_told_and_ends_its_messages(example):
    room = example.unique("kitchen")
    async with enter(example, "ann") as ann, enter(example, "bob") as bob:
        await ann.join(room)
        await bob.join(room)
        await bob.leave(room)
        assert (await ann.hear("left", bob.name))["room"] == room
        await ann.send(room, "Gone?")
        assert (await ann.hear("message"))["text"] == "Gone?"
        await bob.send(room, "Back")
        assert await bob.peer.receive_json() == {"type": "error", "error": f"join {room} first"}


async def test_list_of_rooms_follows_joining_and_leaving(example):
    room = example.unique("kitchen")

    async def members():
        return (await example.get("/rooms")).get(room)

    async with enter(example, "ann") as ann:
        async with enter(example, "bob") as bob:
            await ann.join(room)
            await bob.join(room)
            assert await members() == sorted([ann.name, bob.name])
            await bob.peer.abort()
            await example.eventually(members, [ann.name], seconds=2)
        await ann.leave(room)
        await example.eventually(members, None)


async def test_broadcast_of_the_administrator_reaches_all(example):
    text = example.unique("Closing soon")
    async with enter(example, "ann") as ann, enter(example, "bob") as bob:
        response = await example.request(
            "POST", "/broadcast", json={"text": text}, headers=[("Authorization", "Bearer change-me")]
        )
        assert response.status == 200
        assert response.json()["delivered"] >= 2
        for user in (ann, bob):
            assert (await user.hear("broadcast"))["text"] == text


async def test_broadcast_is_for_the_administrator_alone(example):
    bearer_of_a_user = [("Authorization", f"Bearer {await log_in(example, example.unique('ann'))}")]
    for headers in ([], bearer_of_a_user):
        response = await example.request("POST", "/broadcast", json={"text": "Free!"}, headers=headers)
        assert response.status == 403


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong"])
async def test_nobody_enters_without_logging_in(example, query):
    assert (await example.refused(f"/chat{query}")).status == 403


async def test_name_is_taken_once_and_connected_once(example):
    name = example.unique("ann")
    bearer = [("Authorization", f"Bearer {await log_in(example, name)}")]
    assert (await example.request("POST", "/login", json={"name": name})).status == 409
    async with example.connect("/chat", bearer) as peer:
        first = User(name, peer)
        await first.hear("welcome")
        async with example.connect("/chat", bearer) as second:
            example.assert_closed(await second.receive_close(), 1008, "already online")
        room = example.unique("kitchen")
        await first.join(room)
        await first.send(room, "Only me")
        assert (await first.hear("message"))["text"] == "Only me"


@pytest.mark.parametrize("body", [b"", b"Ann", b"{}", b'{"name": ""}', b'{"name": 1}'])
async def test_login_needs_a_name(example, body):
    assert (await example.request("POST", "/login", body=body)).status == 400


NONSENSE = {
    "word": "no JSON",
    "bytes": b"\xff",
    "list": "[]",
    "no-room": '{"type": "join"}',
    "empty-room": '{"type": "join", "room": ""}',
    "long-room": '{"type": "join", "room": "' + "x" * 256 + '"}',
    "unknown": '{"type": "dance"}',
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_answered_and_the_chat_goes_on(example, nonsense):
    async with enter(example, "ann") as ann:
        await ann.peer.send(nonsense)
        assert (await ann.hear("error"))["error"]
        await ann.join(example.unique("kitchen"))
