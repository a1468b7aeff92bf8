"""TestClient over from_rsgi: how an RSGI app is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from scripted import UNKNOWN, server
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from anysocket import App
from anysocket_asgi import from_rsgi


async def app(scope: Any, protocol: Any) -> None:
    """A plain function is an RSGI app, too."""
    if scope.proto == "http":
        if scope.path == "/raises":
            raise LookupError("in a request")
        if scope.path == "/raises-after":
            protocol.response_str(200, [], "sent")
            raise LookupError("after the response")
        if scope.path == "/none":
            return
        if scope.path == "/twice":
            protocol.response_str(200, [], "first")
            protocol.response_stream(200, [])
        protocol.response_str(200, [("content-type", "text/plain")], f"{scope.method} {await protocol()!r}")
        return
    if scope.path == "/refuses":
        protocol.close(404)
        return
    if scope.path == "/raises-unanswered":
        raise LookupError("before accept")
    transport = await protocol.accept()
    if scope.path == "/raises":
        raise LookupError("after accept")
    message = await transport.receive()
    if message.kind == 2:
        await transport.send_str(message.data.upper())
        await transport.send_bytes(b"\x00")
        protocol.close(4001)


@pytest.fixture
def client():
    with TestClient(from_rsgi(app)) as client:
        yield client


def test_requests(client):
    response = client.post("/", content=b"x")
    assert (response.status_code, response.text) == (200, "POST b'x'")


@pytest.mark.parametrize("path", ["/raises", "/raises-after"])
def test_exception_of_a_request_comes_out(client, path):
    with pytest.raises(LookupError, match=r"in a request|after the response"):
        client.get(path)


def test_exception_of_a_request_as_servers_answer_it():
    client = TestClient(from_rsgi(app), raise_server_exceptions=False)
    assert client.get("/raises").status_code == 500
    assert client.get("/none").status_code == 500
    response = client.get("/raises-after")
    assert (response.status_code, response.text) == (200, "sent")


def test_mistakes_come_out(client):
    with pytest.raises(RuntimeError, match="a response already"):
        client.get("/twice")
    with pytest.raises(AssertionError, match="did not receive any response"):
        client.get("/none")


def test_websocket(client):
    with client.websocket_connect("/") as websocket:
        websocket.send_text("a")
        assert websocket.receive_text() == "A"
        assert websocket.receive_bytes() == b"\x00"
        with pytest.raises(WebSocketDisconnect) as closed:
            websocket.receive_text()
    assert closed.value.code == 4001


def test_refusal(client):
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/refuses"):
        pass
    assert refused.value.status_code == 404


@pytest.mark.parametrize("path", ["/raises", "/raises-unanswered"])
def test_exception_of_a_websocket_comes_out(client, path):
    with pytest.raises(LookupError, match=r"accept"), client.websocket_connect(path):
        pass


def test_exception_comes_out_whenever_the_client_leaves(client):
    """TestClient cancels the app when it leaves: that must not take the place of the exception."""

    async def raises(scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        await transport.receive()
        raise LookupError("after a message")

    for _ in range(200):
        with (
            pytest.raises(LookupError, match="after a message"),
            TestClient(from_rsgi(raises)).websocket_connect("/") as websocket,
        ):
            websocket.send_text("x")


def test_an_anysocket_app_is_an_rsgi_app():
    anysocket_app = App()

    @anysocket_app.websocket("/rooms/<room>")
    async def room(websocket, room):
        await websocket.accept()
        async for message in websocket:
            await websocket.send(f"{room}: {message.data}")

    @anysocket_app.get("/")
    async def index(request):
        return {"query": request.query_params["x"]}

    with TestClient(from_rsgi(anysocket_app)) as client:
        assert client.get("/?x=1").json() == {"query": "1"}
        with client.websocket_connect("/rooms/a") as websocket:
            websocket.send_text("hi")
            assert websocket.receive_text() == "a: hi"


def test_what_is_no_rsgi_app():
    with pytest.raises(TypeError, match="is no RSGI app"):
        from_rsgi(object())


async def test_other_kinds_of_scope_are_refused():
    script = server(UNKNOWN)
    with pytest.raises(ValueError, match="scope of type 'mqtt'"):
        await from_rsgi(app)({"type": "mqtt"}, script.receive, script.send)


WITHOUT_GRANIAN = """
import sys, json
sys.modules["granian"] = sys.modules["granian.rsgi"] = None
from test_from_rsgi_testclient import TestClient, app, from_rsgi
from anysocket_rsgi._errors import ProtocolError
seen = []
try:
    TestClient(from_rsgi(app)).get("/twice")
except ProtocolError as error:
    seen = [type(error).__module__, isinstance(error, RuntimeError)]
print(json.dumps([TestClient(from_rsgi(app)).get("/").status_code, *seen]))
"""


def test_without_granian_the_errors_are_look_alikes():
    command = [sys.executable, "-c", WITHOUT_GRANIAN]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == [200, "anysocket_rsgi._errors", True]
