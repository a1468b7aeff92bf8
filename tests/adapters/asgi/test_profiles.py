"""Which row of the table a server gets. That real servers get theirs is seen by the contract's tests."""

from __future__ import annotations

import functools

import pytest
from scripted import DAPHNE, GRANIAN, HYPERCORN, LEGACY, TESTCLIENT, UNKNOWN, UVICORN, server, websocket_scope

from anysocket import Capability
from anysocket_asgi._profiles import PROFILES, find_profile, is_known

NAMES = {
    LEGACY: "uvicorn (websockets, legacy)",
    UVICORN: "uvicorn",
    "uvicorn.protocols.websockets.wsproto_impl": "uvicorn",
    "uvicorn.lifespan.on": "uvicorn",
    "anysocket_picows._events": "uvicorn (picows)",
    HYPERCORN: "Hypercorn",
    "hypercorn.asyncio.lifespan": "Hypercorn",
    DAPHNE: "Daphne",
    "daphne.ws_protocol": "Daphne",
    GRANIAN: "Granian ASGI",
    "granian.asgi": "Granian ASGI",
    TESTCLIENT: "Starlette's TestClient",
    UNKNOWN: "this ASGI server",
    "my_uvicorn.protocol": "this ASGI server",
}
C = Capability
OLDEST = C.SUBPROTOCOL | C.CLOSE_CODE | C.PEER_CLOSE_CODE | C.LOST_IS_1006


@pytest.mark.parametrize(
    "wrap", [lambda send: send, functools.partial, lambda send: functools.partial(send, {})]
)
@pytest.mark.parametrize("module", NAMES)
async def test_known_by_the_module_of_send(module, wrap):
    profile = find_profile(websocket_scope(), wrap(server(module).send))
    assert profile.server == NAMES[module]
    assert is_known(profile) is (NAMES[module] != "this ASGI server")


def test_every_row_is_reached():
    assert {profile.server for profile in PROFILES} == set(NAMES.values()) - {"this ASGI server"}


def test_send_that_is_a_function():
    async def send(event):
        pass

    assert not is_known(find_profile(websocket_scope(), send))
    send.__module__ = "uvicorn.protocols.websockets.websockets_impl"
    assert find_profile(websocket_scope(), send).server == "uvicorn (websockets, legacy)"


def test_send_that_tells_nothing():
    assert not is_known(find_profile(websocket_scope(), object()))


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.0", C(0)),
        ("2.1", C.ACCEPT_HEADERS),
        ("2.2", C.ACCEPT_HEADERS),
        ("2.3", C.ACCEPT_HEADERS | C.CLOSE_REASON),
        ("2.4", C.ACCEPT_HEADERS | C.CLOSE_REASON | C.PEER_CLOSE_REASON),
        ("2.10", C.ACCEPT_HEADERS | C.CLOSE_REASON | C.PEER_CLOSE_REASON),
        ("3.0", C.ACCEPT_HEADERS | C.CLOSE_REASON | C.PEER_CLOSE_REASON),
        ("2", C(0)),
    ],
)
@pytest.mark.parametrize("extensions", [None, {}, {"websocket.http.response": {}}])
def test_unknown_server_is_taken_at_its_word(version, more, extensions):
    scope = websocket_scope(asgi={"spec_version": version}, extensions=extensions)
    denial = C.DENIAL_BODY if extensions else C(0)
    assert find_profile(scope, None).capabilities == OLDEST | more | denial


def test_unknown_server_that_announces_nothing():
    assert find_profile({"type": "websocket"}, None).capabilities == OLDEST
    assert find_profile({"type": "websocket", "asgi": {"version": "3.0"}}, None).capabilities == OLDEST
