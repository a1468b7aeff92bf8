"""HTTP routes as their users see them, through Starlette's TestClient."""

from __future__ import annotations

import asyncio
import functools
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from anysocket._routing import HTTPRoute, Mount
from anysocket_starlette import Request, build_http


@dataclass
class Source:
    """What an App gives to build_http."""

    http_routes: list[HTTPRoute] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)

    def route(self, path: str, handler: Callable[..., Any], *methods: str) -> None:
        self.http_routes.append(HTTPRoute(path, methods or ("GET",), handler))


def serve(handler: Callable[..., Any], path: str = "/", *methods: str, **options: Any) -> TestClient:
    source = Source()
    source.route(path, handler, *methods)
    return TestClient(build_http(source), **options)


async def raw(
    handler: Callable[..., Any], method: str = "GET", content: bytes | None = None
) -> httpx2.Response:
    source = Source()
    source.route("/", handler, method)
    transport = httpx2.ASGITransport(build_http(source))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, "/", content=content)


# -- what handlers return --

RETURNED = [
    ({"a": 1}, 200, "application/json", b'{"a":1}'),
    ([], 200, "application/json", b"[]"),
    ("grüße", 200, "text/plain; charset=utf-8", "grüße".encode()),
    ("", 200, "text/plain; charset=utf-8", b""),
    (b"\x00\xff", 200, "application/octet-stream", b"\x00\xff"),
    (None, 204, None, b""),
    (({"a": 1}, 201), 201, "application/json", b'{"a":1}'),
    (("no", 409), 409, "text/plain; charset=utf-8", b"no"),
    ((None, 404), 404, None, b""),
    (({"a": 1}, 204), 204, None, b""),
    (("<p>", 200, {"Content-Type": "text/html"}), 200, "text/html", b"<p>"),
    (PlainTextResponse("own", 418), 418, "text/plain; charset=utf-8", b"own"),
]


@pytest.mark.parametrize(("returned", "status", "content_type", "body"), RETURNED)
async def test_returned_values(returned: object, status: int, content_type: str | None, body: bytes) -> None:
    async def handler(request: Request) -> object:
        return returned

    response = await raw(handler)
    assert (response.status_code, response.headers.get("content-type"), response.content) == (
        status,
        content_type,
        body,
    )
    assert response.headers.get("content-length") == (None if status == 204 else str(len(body)))


async def test_several_headers_of_one_name() -> None:
    async def handler(request: Request) -> object:
        return "ok", 200, [("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-Name", "é")]

    response = await raw(handler)
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (b"x-name", b"\xe9") in [(name.lower(), value) for name, value in response.headers.raw]


@pytest.mark.parametrize(
    ("returned", "logged"),
    [
        (42, "TypeError: HTTP handler test_bad_returns.<locals>.bad returned int: it must return"),
        (object, "returned type"),
        ({1, 2}, "returned set"),
        (("a",), "returned a tuple of 1"),
        (("a", 200, {}, 1), "returned a tuple of 4"),
        (("a", "200"), "status of type str"),
        (("a", True), "status of type bool"),
        (("a", 99), "status 99, which is not in 200-599"),
        (("a", 600), "status 600"),
        (("a", 200, {"x": "1\r\nset-cookie: stolen=1"}), "holds a newline"),
        (({"when": object()}, 200), "not JSON serializable"),
        ("\ud800", "surrogates not allowed"),
    ],
)
async def test_bad_returns(returned: object, logged: str, caplog: pytest.LogCaptureFixture) -> None:
    async def bad(request: Request) -> object:
        return returned

    response = await raw(bad)
    assert (response.status_code, response.json()) == (500, {"error": "Internal Server Error"})
    assert logged in caplog.text


# -- how handlers are called --


async def test_path_parameters_come_by_name() -> None:
    seen: list[object] = []

    async def both(request: Request, number: int, name: str) -> None:
        seen.append((number, name))

    async def one(request: Request, name: str) -> None:
        seen.append((name, request.path_params["number"]))

    async def none(request: Request) -> None:
        seen.append(request.path_params)

    async def anything(request: Request, **values: object) -> None:
        seen.append(values)

    for handler in (both, one, none, anything):
        assert serve(handler, "/{number:int}/{name}").get("/7/caf%C3%A9").status_code == 204
    everything = {"number": 7, "name": "café"}
    assert seen == [(7, "café"), ("café", 7), everything, everything]


def test_path_parameter_types() -> None:
    async def handler(request: Request, key: uuid.UUID, rest: str) -> list[str]:
        return [type(key).__name__, rest]

    client = serve(handler, "/{key:uuid}/{rest:path}")
    assert client.get(f"/{uuid.UUID(int=5)}/a/b").json() == ["UUID", "a/b"]
    assert client.get("/5/a/b").status_code == 404


def test_plain_functions_run_in_a_thread() -> None:
    def blocking(request: Request, name: str) -> dict[str, object]:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return {"name": name}

    async def handler(request: Request) -> str:
        return "async"

    assert serve(blocking, "/{name}").get("/n").json() == {"name": "n"}
    assert serve(lambda request: handler(request)).get("/").text == "async"


class CallableObject:
    async def __call__(self, request: Request, extra: str = "") -> str:
        return f"object {extra}"

    async def method(self, request: Request) -> str:
        return "method"


def test_handlers_that_are_no_functions() -> None:
    assert serve(CallableObject()).get("/").text == "object "
    assert serve(CallableObject().method).get("/").text == "method"
    assert serve(functools.partial(CallableObject(), extra="partial")).get("/").text == "object partial"


def test_request_has_json_state_and_app() -> None:
    async def handler(request: Request) -> object:
        assert request.app is source
        return {"sent": await request.json(), "again": await request.json(), "state": request.state.greeting}

    source = Source()
    source.route("/", handler, "POST")
    http = build_http(source)

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"greeting": "hello"}
        await http(scope, receive, send)

    response = TestClient(with_state).post("/", content=b'\xef\xbb\xbf{"a": [1.5, null]}')
    assert response.json() == {"sent": {"a": [1.5, None]}, "again": {"a": [1.5, None]}, "state": "hello"}


# -- errors --


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "the request body is not JSON: Expecting value at line 1 column 1"),
        (b'{"a":\n  x}', "the request body is not JSON: Expecting value at line 2 column 3"),
        (b'"\xe4"', "the request body is not UTF-8: byte 1 cannot be decoded"),
        (b"[" * 200_000, "the request body is not JSON: nested too deeply"),
        (b"1" * 5000, "the request body is not JSON: Exceeds the limit"),
    ],
)
async def test_bad_json_is_the_clients_error(
    body: bytes, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> object:
        return await request.json()

    response = await raw(handler, "POST", body)
    assert response.status_code == 400
    assert response.json()["error"].startswith(error)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_unknown_path_and_wrong_method() -> None:
    async def handler(request: Request) -> str:
        return "ok"

    source = Source()
    source.route("/rooms/{name}", handler, "GET")
    source.route("/rooms/{name}", handler, "DELETE")
    source.route("/rooms/lobby", handler, "POST")
    source.route("/other", handler, "PATCH")
    client = TestClient(build_http(source))
    missing = client.get("/nothing")
    assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
    wrong = client.put("/rooms/lobby")
    assert (wrong.status_code, wrong.json()) == (405, {"error": "Method Not Allowed"})
    assert wrong.headers["allow"] == "DELETE, GET, HEAD, POST"
    assert client.put("/rooms/a").headers["allow"] == "DELETE, GET, HEAD"
    assert client.post("/rooms/lobby").text == "ok"


def test_head_of_a_get_route() -> None:
    async def handler(request: Request) -> str:
        return request.method

    response = serve(handler).head("/")
    assert (response.status_code, response.headers["content-length"]) == (200, "4")


def test_http_exception_with_headers() -> None:
    async def handler(request: Request, status: int) -> None:
        raise HTTPException(status, "who are you?", {"www-authenticate": "Basic"})

    client = serve(handler, "/{status:int}")
    response = client.get("/401")
    assert (response.status_code, response.json()) == (401, {"error": "who are you?"})
    assert response.headers["www-authenticate"] == "Basic"
    assert (client.get("/304").status_code, client.get("/304").content) == (304, b"")
    assert "allow" not in client.get("/405").headers


def test_exception_is_logged_and_hidden(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> None:
        raise ZeroDivisionError("secret")

    response = serve(handler, "/div", "POST").post("/div")
    assert (response.status_code, response.json()) == (500, {"error": "Internal Server Error"})
    (record,) = [record for record in caplog.records if record.name == "anysocket"]
    assert record.getMessage() == "exception in the HTTP handler of POST '/div'"
    assert record.exc_info and "secret" in caplog.text


def test_a_path_forges_no_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request, name: str) -> None:
        raise ZeroDivisionError

    serve(handler, "/{name}").get("/a%0Ab%E2%80%A8forged")
    (record,) = [record for record in caplog.records if record.name == "anysocket"]
    assert "forged" in record.getMessage() and record.getMessage().isprintable()


def test_exception_after_the_start_reaches_the_server() -> None:
    class HalfResponse(Response):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise self.error

        error: Exception = ZeroDivisionError()

    async def handler(request: Request) -> Response:
        return HalfResponse()

    with pytest.raises(ZeroDivisionError):
        serve(handler).get("/")
    HalfResponse.error = HTTPException(400)
    with pytest.raises(HTTPException):
        serve(handler).get("/")


SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}


async def test_client_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(request: Request) -> object:
        return await request.json()

    sent: list[Any] = []

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def keep(message: Any) -> None:
        sent.append(message)

    async def refuse(message: Any) -> None:
        raise OSError("client left")

    async def body() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    source = Source()
    source.route("/", handler, "POST")
    caplog.set_level(logging.DEBUG, "anysocket")
    await build_http(source)(dict(SCOPE), gone, keep)
    assert sent == []
    await build_http(source)(dict(SCOPE), body, refuse)
    assert [record.levelname for record in caplog.records if record.name == "anysocket"] == ["DEBUG", "DEBUG"]


# -- mounts --


def test_routes_come_before_mounts_and_mounts_in_order(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text("<p>page</p>")

    async def handler(request: Request) -> str:
        return "route"

    source = Source()
    source.mounts += [
        Mount("/static", StaticFiles(directory=tmp_path)),
        Mount("/", PlainTextResponse("root")),
    ]
    source.route("/static/route", handler)
    client = TestClient(build_http(source))
    assert client.get("/static/route").text == "route"
    assert client.get("/static/page.html").text == "<p>page</p>"
    assert client.get("/anything").text == "root"
    missing = client.get("/static/none.html")
    assert (missing.status_code, missing.json()) == (404, {"error": "Not Found"})
