"""With a token, by query or header, one gets in under one's name; without one, not at all."""

from __future__ import annotations

import pytest

from kinds import each_kind

pytestmark = each_kind

APP = "examples.authentication:app"


@pytest.mark.parametrize(
    ("query", "headers", "user"),
    [
        ("?token=ann-secret", [], "ann"),
        ("", [("Authorization", "Bearer bob-secret")], "bob"),
        ("", [("authorization", "bearer bob-secret")], "bob"),
        ("?token=ann-secret", [("Authorization", "Bearer bob-secret")], "bob"),
        ("?token=ann-secret", [("Authorization", "Basic Ym9i")], "ann"),
    ],
)
async def test_token_opens_the_door(example, query, headers, user):
    async with example.connect(f"/private{query}", headers) as peer:
        assert await peer.receive_text() == f"Welcome, {user}"
        await peer.send("12345")
        assert await peer.receive_text() == f"{user}, you sent 5"


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", []),
        ("?token=", []),
        ("?token=ann-secre", []),
        ("?token=%C3%A4%00%FF", []),
        ("?Token=ann-secret", []),
        ("", [("Authorization", "Bearer")]),
        ("", [("Authorization", "Bearer wrong")]),
        ("?token=ann-secret", [("Authorization", "Bearer wrong")]),
    ],
)
async def test_without_a_valid_token_the_handshake_is_refused(example, query, headers):
    assert (await example.refused(f"/private{query}", headers)).status == 403


async def test_refusals_leave_the_server_as_it_was(example):
    for _ in range(10):
        await example.refused("/private?token=wrong")
    async with example.connect("/private?token=ann-secret") as peer:
        assert await peer.receive_text() == "Welcome, ann"
