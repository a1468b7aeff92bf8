"""Paths to handlers (contract section 2)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from anysocket import App, WebSocket
from core.fake_transport import FakeTransport


async def parameters(path: str, asked: str) -> dict[str, Any] | None:
    """What the handler of a path gets by name, or None if it is not called."""
    app = App(unmatched="deny")
    got: list[dict[str, Any]] = []

    async def handler(websocket: WebSocket, **given: Any) -> None:
        assert websocket.path_params == given
        got.append(given)
        await websocket.accept()

    app.websocket(path)(handler)
    await app.serve(FakeTransport(asked))
    return got[0] if got else None


UUID = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    ("path", "asked", "given"),
    [
        ("/", "/", {}),
        ("/rooms/<room>", "/rooms/a b", {"room": "a b"}),
        ("/rooms/<room>", "/rooms/é", {"room": "é"}),
        ("/rooms/<str:room>", "/rooms/1", {"room": "1"}),
        ("/n/<int:n>", "/n/007", {"n": 7}),
        ("/n/<float:n>", "/n/2.50", {"n": 2.5}),
        ("/n/<float:n>", "/n/2", {"n": 2.0}),
        ("/n/<uuid:n>", f"/n/{UUID}", {"n": uuid.UUID(UUID)}),
        ("/files/<path:file>", "/files/a/b.txt", {"file": "a/b.txt"}),
        ("/files/<path:file>", "/files/", {"file": ""}),
        ("/a/<int:x>/b/<y>", "/a/1/b/2", {"x": 1, "y": "2"}),
        ("/v<int:major>.<int:minor>", "/v1.2", {"major": 1, "minor": 2}),
    ],
)
async def test_parameters_are_converted_and_handed_over_by_name(path: str, asked: str, given: Any) -> None:
    got = await parameters(path, asked)
    assert got == given
    assert got is not None
    assert [type(value) for value in got.values()] == [type(value) for value in given.values()]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", "/a"),
        ("/a", "/a/"),
        ("/a", "/b/a"),
        ("/a", "/a\n"),
        ("/rooms/<room>", "/rooms/"),
        ("/rooms/<room>", "/rooms/a/b"),
        ("/n/<int:n>", "/n/-1"),
        ("/n/<int:n>", "/n/1.5"),
        ("/n/<int:n>", "/n/1\n"),
        ("/n/<int:n>", "/n/" + "9" * 5000),
        ("/n/<float:n>", "/n/1e5"),
        ("/n/<uuid:n>", "/n/1234"),
        ("/a.b", "/aXb"),
    ],
)
async def test_other_paths_do_not_match(path: str, asked: str) -> None:
    """A peer can ask for anything: a number that Python refuses to convert is no match either."""
    assert await parameters(path, asked) is None


async def test_of_several_that_match_the_first_is_taken() -> None:
    app = App()
    called: list[str] = []

    def handler(name: str) -> Any:
        async def handler(websocket: WebSocket, **given: Any) -> None:
            called.append(name)

        return handler

    app.websocket("/rooms/lobby")(handler("lobby"))
    app.websocket("/rooms/<room>")(handler("any"))
    app.websocket("/rooms/kitchen")(handler("never"))
    for path in ("/rooms/lobby", "/rooms/kitchen"):
        await app.serve(FakeTransport(path))
    assert called == ["lobby", "any"]


async def test_a_number_too_long_goes_to_the_next_route() -> None:
    app = App()
    called: list[str] = []

    @app.websocket("/n/<int:n>")
    async def number(websocket: WebSocket, n: int) -> None:
        called.append("number")

    @app.websocket("/n/<n>")
    async def text(websocket: WebSocket, n: str) -> None:
        called.append("text")

    await app.serve(FakeTransport("/n/" + "9" * 5000))
    assert called == ["text"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("rooms", "must begin with '/'"),
        ("", "must begin with '/'"),
        ("/{room}", "not in braces"),
        ("/rooms/<room", "'<' without its '>'"),
        ("/rooms/room>", "'<' without its '>'"),
        ("/<a<b>>", "'<' without its '>'"),
        ("/<integer:n>", "unknown parameter type 'integer'; there are <str:n>, <int:n>"),
        ("/<:n>", "unknown parameter type ''"),
        ("/<>", "is no ASCII identifier"),
        ("/<int:>", "is no ASCII identifier"),
        ("/<a-b>", "'a-b' is no ASCII identifier"),
        ("/<1a>", "'1a' is no ASCII identifier"),
        ("/<naïve>", "'naïve' is no ASCII identifier"),
        ("/<a>/<a>", "Duplicate"),
    ],
)
def test_a_bad_template_is_told_where_it_is_written(path: str, why: str) -> None:
    async def handler(websocket: WebSocket, **given: Any) -> None:
        raise NotImplementedError

    with pytest.raises(ValueError, match=why):
        App().websocket(path)(handler)


@pytest.mark.parametrize(
    ("path", "why"), [("rooms", "must begin"), ("/{x}", "braces"), ("/<bad type:x>", "unknown")]
)
def test_a_bad_template_of_an_http_route_is_told_too(path: str, why: str) -> None:
    for method in ("get", "post", "put", "patch", "delete"):
        with pytest.raises(ValueError, match=why):
            getattr(App(), method)(path)


async def two(websocket: WebSocket, room: str) -> None:
    raise NotImplementedError


async def one(websocket: WebSocket) -> None:
    raise NotImplementedError


async def none() -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("path", "handler", "wanted"),
    [
        ("/<room>", one, r"handler one must take \(websocket, room\)"),
        ("/", two, r"handler two must take \(websocket\): missing a required argument: 'room'"),
        ("/", none, r"handler none must take \(websocket\)"),
        ("/<websocket>", one, r"must take \(websocket, websocket\)"),
        ("/<kitchen>", two, r"must take \(websocket, kitchen\)"),
    ],
)
def test_a_handler_that_cannot_be_called_is_told_where_it_is_registered(
    path: str, handler: Any, wanted: str
) -> None:
    with pytest.raises(TypeError, match=wanted):
        App().websocket(path)(handler)


def test_the_decorators_give_the_handler_back() -> None:
    """So that it can be called, tested and routed twice."""
    app = App()
    assert app.websocket("/one")(one) is one
    assert app.websocket("/two")(one) is one
    for method in (app.get, app.post, app.put, app.patch, app.delete):
        assert method("/")(none) is none
    assert [(route.path, route.methods) for route in app.http_routes] == [
        ("/", (method,)) for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
    ]
