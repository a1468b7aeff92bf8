"""The app: unmatched paths, requirements, limits, mounts, doors (contract sections 1, 3, 4.4 and 8)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from anysocket import App, Capability, UnsupportedByTransport, WebSocket
from anysocket.testing import Refused, connect
from core.fake_transport import EVERYTHING, FakeTransport, soon


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


# -- paths without a route --


async def test_an_unknown_path_is_closed_with_1001() -> None:
    """Contract 3.4."""
    async with connect(App(), "/nowhere") as peer:
        close = await peer.receive_close()
        assert (close.code, close.reason) == (1001, "no such path")


async def test_an_unknown_path_is_denied_with_404_if_the_app_says_so() -> None:
    with pytest.raises(Refused) as refused:
        async with connect(App(unmatched="deny"), "/nowhere"):
            pass
    assert refused.value.status == 404


def test_there_is_no_third_way() -> None:
    unmatched: Any = "ignore"
    with pytest.raises(ValueError, match="'close' or 'deny', not 'ignore'"):
        App(unmatched=unmatched)


# -- what the server must be able to do --


@pytest.mark.parametrize(
    ("requires", "subprotocols", "required"),
    [
        (Capability(0), [], Capability(0)),
        (Capability.PING, [], Capability.PING),
        (Capability(0), ["chat"], Capability.SUBPROTOCOL),
        (Capability.PING, ["chat"], Capability.PING | Capability.SUBPROTOCOL),
    ],
)
def test_the_app_requires_what_it_says_and_what_its_routes_need(
    requires: Capability, subprotocols: list[str], required: Capability
) -> None:
    """Contract section 8, and 3.7: subprotocols are never ignored silently."""
    app = App(requires=requires)
    app.websocket("/", subprotocols=subprotocols)(echo)
    app.websocket("/other")(echo)
    assert app.required_capabilities == required
    app.check_server("any server", required, "")
    app.check_server("any server", EVERYTHING, "")
    if required:
        with pytest.raises(UnsupportedByTransport):
            app.check_server("any server", EVERYTHING & ~required, "")


def test_what_is_missing_is_named_with_the_server_and_the_way_out() -> None:
    app = App(requires=Capability.PING | Capability.CLOSE_CODE | Capability.BACKPRESSURE)
    with pytest.raises(UnsupportedByTransport) as unsupported:
        app.check_server("Granian RSGI", Capability.BACKPRESSURE, "use --interface asgi")
    text = str(unsupported.value)
    assert "Capability.CLOSE_CODE, Capability.PING" in text
    assert "BACKPRESSURE" not in text
    assert text.endswith("which Granian RSGI lacks: use --interface asgi")


# -- subprotocols and limits of a route --


async def test_a_route_agrees_on_the_first_of_its_subprotocols_that_is_offered() -> None:
    app = App()
    app.websocket("/", subprotocols=["v2", "v1"])(echo)
    async with connect(app, "/", subprotocols=["v1", "v2"]) as peer:
        assert peer.subprotocol == "v2"
    async with connect(app, "/") as peer:
        assert peer.subprotocol is None


def test_a_str_of_subprotocols_is_a_mistake() -> None:
    subprotocols: Any = "chat"
    with pytest.raises(TypeError, match="takes a list of names, not the str 'chat'"):
        App().websocket("/", subprotocols=subprotocols)


@pytest.mark.parametrize(
    ("of_app", "of_route", "limit"), [(None, None, 1 << 20), (10, None, 10), (10, 20, 20), (20, 10, 10)]
)
async def test_the_limit_of_the_route_comes_before_that_of_the_app(
    of_app: int | None, of_route: int | None, limit: int
) -> None:
    """Contract 4.4: 1 MiB unless told otherwise; per app, per route."""
    app = App() if of_app is None else App(max_message_bytes=of_app)
    app.websocket("/", max_message_bytes=of_route)(echo)
    async with connect(app, "/") as peer:
        await peer.send_bytes(b"x" * limit)
        assert len(await peer.receive_bytes()) == limit
        await peer.send_bytes(b"x" * (limit + 1))
        close = await peer.receive_close()
        assert close.code == 1009
        assert f"max_message_bytes={limit}" in close.reason


@pytest.mark.parametrize("limit", [0, -1, 1.5, "10"])
def test_a_limit_is_a_positive_number(limit: Any) -> None:
    with pytest.raises(ValueError, match="max_message_bytes must be a positive number"):
        App(max_message_bytes=limit)
    with pytest.raises(ValueError, match="max_message_bytes must be a positive number"):
        App().websocket("/", max_message_bytes=limit)


# -- mounts --


@pytest.mark.parametrize(
    ("path", "asked", "mounted"),
    [
        ("/static", "/static", True),
        ("/static", "/static/a/b", True),
        ("/static/", "/static/a", True),
        ("/static", "/statics", False),
        ("/static", "/", False),
        ("/static", "/static/own", False),
        ("/", "/anything", True),
        ("/", "/static/own", False),
    ],
)
def test_a_websocket_below_a_mount_is_the_mounted_apps_unless_routed(
    path: str, asked: str, mounted: bool
) -> None:
    app = App()
    app.websocket("/static/own")(echo)
    app.mount(path, asgi)
    assert app.mounted(asked) is mounted


def test_without_mounts_nothing_is_mounted() -> None:
    assert not App().mounted("/")


def test_a_mount_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="must begin with '/'"):
        App().mount("static", asgi)


# -- the doors --


async def ask(app: App, path: str) -> tuple[int, bytes]:
    """GET over ASGI: status and body."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
    }
    scope |= {
        "headers": [],
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    await soon(app(scope, receive, send))
    return sent[0]["status"], b"".join(event.get("body", b"") for event in sent[1:])


async def test_http_routes_and_mounts_that_are_added_later_count() -> None:
    """The HTTP side is built at the first request, and again when it changed."""
    app = App()
    assert (await ask(app, "/a"))[0] == 404

    @app.get("/a")
    async def a(request: Any) -> str:
        return "a"

    assert await ask(app, "/a") == (200, b"a")
    assert app.http is app.http

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"mounted"})

    app.mount("/m", mounted)
    assert await ask(app, "/m/x") == (418, b"mounted")


class Protocol:
    """RSGI's protocol object, for a refusal."""

    def __init__(self) -> None:
        self.closed_with: int | None = None

    def close(self, status: int | None = None) -> None:
        if self.closed_with is None:
            self.closed_with = status


class RSGIScope:
    """RSGI's scope of a WebSocket."""

    proto = "ws"
    http_version = "1.1"
    rsgi_version = "1.6"
    server = "127.0.0.1:8000"
    client = "127.0.0.1:50000"
    scheme = "http"
    method = "GET"
    path = "/nowhere"
    query_string = ""
    authority = None

    class headers:  # noqa: N801
        @staticmethod
        def items() -> list[tuple[str, str]]:
            return [("host", "127.0.0.1:8000")]

        @staticmethod
        def keys() -> list[str]:
            return ["host"]

        @staticmethod
        def get_all(name: str) -> list[str]:
            return ["127.0.0.1:8000"]


async def test_the_same_object_is_an_rsgi_app() -> None:
    """Contract section 1."""
    protocol = Protocol()
    await soon(App(unmatched="deny").__rsgi__(RSGIScope(), protocol))
    assert protocol.closed_with == 404


def test_rsgi_starts_and_stops_the_lifespan() -> None:
    from core.test_lifespan import Trace

    trace = Trace()
    app = App(lifespan=trace)
    loop = asyncio.new_event_loop()
    app.__rsgi_init__(loop)
    assert trace.happened == ["enter"]
    app.__rsgi_del__(loop)
    assert trace.happened == ["enter", "exit"]
    loop.close()


def test_the_app_has_a_logger() -> None:
    """Contract section 2."""
    assert App().logger is logging.getLogger("anysocket")


async def test_a_websocket_without_a_route_needs_no_handler_to_end() -> None:
    transport = FakeTransport("/nowhere")
    await soon(App().serve(transport))
    assert transport.close_frame == (1001, "no such path")
