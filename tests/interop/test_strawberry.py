"""Subscriptions of GraphQL need a subprotocol, which RSGI cannot answer with: an error there, not on ASGI."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

pytest.importorskip("strawberry", reason="Strawberry is not installed")

APP = "strawberry_app:app"
SUBPROTOCOL: Any = "graphql-transport-ws"
EVERYWHERE = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt", "granian-asgi", "uvicorn-sansio")
RSGI = pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")


async def counted(socket: Any) -> list[int]:
    """What a subscription says from its start to its end."""
    await socket.send(json.dumps({"type": "connection_init"}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    subscription = {"query": "subscription { count(to: 3) }"}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": subscription}))
    numbers = []
    while (message := json.loads(await socket.recv()))["type"] == "next":
        numbers.append(message["payload"]["data"]["count"])
    assert message == {"id": "1", "type": "complete"}
    return numbers


@EVERYWHERE
async def test_query(client):
    query = {"query": "query ($name: String!) { hello(name: $name) }", "variables": {"name": "ada"}}
    assert (await client.post("/", json=query)).json() == {"data": {"hello": "hello ada"}}


@pytest.mark.servers("granian-asgi", "uvicorn-sansio")
async def test_subscription_on_asgi(open_socket):
    """The same object; to an ASGI server it is the app as it was."""
    async with open_socket("/", subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        assert await counted(socket) == [0, 1, 2]


@RSGI
async def test_subscription_on_rsgi_is_an_error_with_the_way_out(running, open_socket):
    with pytest.raises(InvalidStatus) as refused:
        await open_socket("/", subprotocols=[SUBPROTOCOL])
    assert refused.value.response.status_code == 500
    log = await running.logged("UnsupportedByTransport")
    assert "subprotocol" in log and "--interface asgi" in log


@RSGI
@pytest.mark.parametrize("app", ["strawberry_app:lenient"])
async def test_subscription_on_rsgi_without_the_answer(open_socket, app):
    """``on_unsupported="ignore"`` is for clients that go on without it, which browsers do not."""
    async with open_socket("/", subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol is None
        assert await counted(socket) == [0, 1, 2]
