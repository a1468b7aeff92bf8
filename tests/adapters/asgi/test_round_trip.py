"""ASGI apps through RSGI and back, seen by TestClient: the same, but for what RSGI 1.6 cannot carry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from round_trip import answer, close_code, refused_status, same
from scripted import DAPHNE, Script, run, websocket_scope
from scripted import server as scripted_server
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from anysocket import UnsupportedByTransport
from anysocket_asgi import from_rsgi
from anysocket_rsgi import from_asgi

APPS = Path(__file__).parent / "apps"
SERVED = APPS / "served.txt"


class Broken(Exception):
    """What the app raises."""


# -- the app --


async def show(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "method": request.method,
            "url": str(request.url),
            "query": request.query_params.multi_items(),
            "headers": sorted(request.headers.items()),
            "cookies": request.cookies,
            "client": request.client,
            "body": (await request.body()).decode(),
            "path": request.path_params,
            "version": request.scope["http_version"],
        }
    )


async def echo_stream(request: Request) -> StreamingResponse:
    """Chunk by chunk, in both directions."""
    chunks = [chunk async for chunk in request.stream()]

    async def back() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return StreamingResponse(back(), 201, {"x-kind": "stream"})


async def cookies(request: Request) -> Response:
    response = JSONResponse(request.cookies)
    response.set_cookie("a", "1", max_age=60, httponly=True)
    response.set_cookie("b", "ü 2")
    response.set_cookie("c", max_age=0)  # delete_cookie() tells the time, which may be another one by then.
    return response


async def file(request: Request) -> FileResponse:
    return FileResponse(SERVED, filename="grüße.txt")


async def counted(request: Request) -> StreamingResponse:
    async def numbers() -> AsyncIterator[str]:
        for number in range(100):
            yield f"{number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(numbers(), media_type="text/plain")


async def with_background(request: Request) -> Response:
    async def later() -> None:
        request.app.state.done.append("background")

    request.app.state.done.append("response")
    return Response("ok", background=BackgroundTask(later))


async def done(request: Request) -> JSONResponse:
    return JSONResponse(request.app.state.done)


async def state(request: Request) -> JSONResponse:
    request.state.mine = "changed"
    return JSONResponse([request.state.shared, request.state.mine])


async def redirect(request: Request) -> Response:
    return RedirectResponse("/show/redirected?x=1")


async def raises(request: Request) -> Response:
    raise Broken("in the handler")


async def raises_in_background(request: Request) -> Response:
    async def later() -> None:
        raise Broken("in the background")

    return Response("sent", background=BackgroundTask(later))


async def raises_in_stream(request: Request) -> Response:
    async def begins() -> AsyncIterator[bytes]:
        yield b"begun"
        raise Broken("in the stream")

    return StreamingResponse(begins())


async def raises_http(request: Request) -> Response:
    raise HTTPException(418, "a teapot", {"x-kind": "teapot"})


async def disconnected(request: Request) -> Response:
    async def later() -> None:
        request.app.state.done.append(await request.is_disconnected())

    await request.body()
    return JSONResponse([await request.is_disconnected()], background=BackgroundTask(later))


async def form(request: Request) -> Response:
    return JSONResponse([(await request.body()).decode(), request.headers["content-type"]])


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json(
        [str(websocket.url), dict(websocket.query_params), websocket.cookies, websocket.state.shared]
    )
    async for message in websocket.iter_json():
        match message:
            case {"close": code}:
                await websocket.close(code)
                return
            case {"raise": str(why)}:
                raise Broken(why)
            case {"bytes": int(size)}:
                await websocket.send_bytes(b"x" * size)
            case _:
                await websocket.send_json(message)


async def refuses(websocket: WebSocket) -> None:
    await websocket.close()


async def denies(websocket: WebSocket) -> None:
    await websocket.send_denial_response(Response("who?", 401))


async def raises_unanswered(websocket: WebSocket) -> None:
    raise Broken("before accept")


async def broken_page(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


def make_app(middleware: list[Middleware] | None = None) -> Starlette:
    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        app.state.done = []
        yield {"shared": "of the lifespan", "mine": "unchanged"}

    functions = [
        echo_stream,
        cookies,
        file,
        counted,
        with_background,
        done,
        state,
        redirect,
        raises,
        raises_in_background,
        raises_in_stream,
        raises_http,
        disconnected,
        form,
    ]
    routes: list[Any] = [
        Route(f"/{each.__name__}", each, methods=["GET", "POST", "PUT", "DELETE"]) for each in functions
    ]
    routes += [
        Route("/show/{name:path}", show, methods=["GET", "POST", "PATCH"]),
        Mount("/static", StaticFiles(directory=APPS)),
        WebSocketRoute("/socket", socket),
        WebSocketRoute("/refuses", refuses),
        WebSocketRoute("/denies", denies),
        WebSocketRoute("/raises_unanswered", raises_unanswered),
    ]
    return Starlette(
        routes=routes, lifespan=lifespan, middleware=middleware, exception_handlers={500: broken_page}
    )


# -- requests --

REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "query and path": ("GET", "/show/a%20b/%C3%A9?x=1&x=2&y=%C3%BC&z", {}),
    "headers": ("PATCH", "/show/h", {"headers": [("x-a", "1"), ("X-B", "b"), ("x-c", "a, b")]}),
    "body": ("POST", "/show/b", {"content": b"body"}),
    "cookies in": ("GET", "/show/c", {"headers": {"cookie": "a=1; b=2"}}),
    "cookies out": ("GET", "/cookies", {}),
    "streams": ("POST", "/echo_stream", {"content": b"x" * 200_000}),
    "stream of no body": ("GET", "/echo_stream", {}),
    "streaming response": ("GET", "/counted", {}),
    "form": ("POST", "/form", {"data": {"a": "1", "b": "ü"}}),
    "upload": ("POST", "/form", {"content": b"--b\r\n\r\n--b--", "headers": {"content-type": "multipart/x"}}),
    "file": ("GET", "/file", {}),
    "head of a file": ("HEAD", "/file", {}),
    "range": ("GET", "/file", {"headers": {"range": "bytes=2-4"}}),
    "range to the end": ("GET", "/file", {"headers": {"range": "bytes=-3"}}),
    "range beyond it": ("GET", "/file", {"headers": {"range": "bytes=50-"}}),
    "static file": ("GET", "/static/served.txt", {}),
    "static file that is missing": ("GET", "/static/missing.txt", {}),
    "static file that is known": (
        "GET",
        "/static/served.txt",
        {"headers": {"if-modified-since": "Fri, 31 Dec 2100 00:00:00 GMT"}},
    ),
    "redirect": ("GET", "/redirect", {}),
    "head": ("HEAD", "/show/x", {}),
    "wrong method": ("OPTIONS", "/cookies", {}),
    "unknown path": ("GET", "/unknown", {}),
    "http exception": ("GET", "/raises_http", {}),
    "exception": ("GET", "/raises", {}),
    "exception in a stream": ("GET", "/raises_in_stream", {}),
    "exception in the background": ("GET", "/raises_in_background", {}),
    "state of the lifespan": ("GET", "/state", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request(name):
    method, path, content = REQUESTS[name]

    def play(client: TestClient) -> Any:
        # Twice: nothing of the first request is left in the second.
        return [answer(client.request(method, path, **content)) for _ in range(2)]

    same(make_app, play, raise_server_exceptions=False)


def test_middleware_that_compresses():
    def play(client: TestClient) -> Any:
        return [answer(client.get(path)) for path in ("/counted", "/show/" + "x" * 1000)]

    seen = same(lambda: make_app([Middleware(GZipMiddleware, minimum_size=100)]), play)
    assert all(("content-encoding", "gzip") in headers for _, headers, _ in seen)


def test_background_runs_after_the_response():
    def play(client: TestClient) -> Any:
        return [answer(client.get("/with_background")), client.get("/done").json()]

    assert same(make_app, play)[1] == ["response", "background"]


def test_client_is_gone_after_the_response_and_not_before():
    def play(client: TestClient) -> Any:
        return [client.post("/disconnected", content=b"x").json(), client.get("/done").json()]

    assert same(make_app, play) == [[False], [True]]


@pytest.mark.parametrize("path", ["/raises", "/raises_in_stream", "/raises_in_background"])
def test_exception_comes_out(path):
    def play(client: TestClient) -> Any:
        with pytest.raises(Broken) as broken:
            client.get(path)
        return str(broken.value), [frame.name for frame in broken.traceback][-1]

    same(make_app, play)


# -- WebSockets --


def test_websocket():
    def play(client: TestClient) -> Any:
        with client.websocket_connect("/socket?x=1", headers={"cookie": "a=1"}) as websocket:
            seen = [websocket.receive_json()]
            messages: list[Any] = [[], {"text": "ü"}, "x" * 100_000]
            for message in messages:
                websocket.send_json(message)
                seen.append(websocket.receive_json())
            websocket.send_json({"bytes": 70_000})
            return [*seen, websocket.receive_bytes()]

    same(make_app, play)


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4001])
def test_close_has_its_code(code):
    def play(client: TestClient) -> Any:
        with client.websocket_connect("/socket") as websocket:
            websocket.receive_json()
            websocket.send_json({"close": code})
            return close_code(websocket)

    assert same(make_app, play) == code


def test_close_without_a_reason_is_the_same_event():
    def play(client: TestClient) -> Any:
        with client.websocket_connect("/socket") as websocket:
            websocket.receive_json()
            websocket.send_json({"close": 4001})
            return websocket.receive()

    assert same(make_app, play) == {"type": "websocket.close", "code": 4001, "reason": ""}


@pytest.mark.parametrize("path", ["/refuses", "/denies", "/unknown"])
def test_refusal(path):
    same(make_app, lambda client: refused_status(client, path))


def test_exception_of_a_websocket_comes_out():
    """Every time: TestClient cancels the app as soon as it leaves."""

    def play(client: TestClient) -> Any:
        for _ in range(50):
            with (
                pytest.raises(Broken, match="a message"),
                client.websocket_connect("/socket") as websocket,
            ):
                websocket.send_json({"raise": "a message"})
        with pytest.raises(Broken, match="before accept"), client.websocket_connect("/raises_unanswered"):
            pass

    same(make_app, play)


def test_exception_after_the_apps_own_close_comes_out():
    async def twice(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()
        await websocket.close()

    def play(client: TestClient) -> Any:
        with pytest.raises(RuntimeError) as error, client.websocket_connect("/"):
            pass
        return str(error.value)

    same(lambda: Starlette(routes=[WebSocketRoute("/", twice)]), play)


# -- a worker's life --


def test_lifespan_runs_each_time_and_in_one_task():
    tasks: list[Any] = []

    def make() -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
            tasks.append(asyncio.current_task())
            async with asyncio.TaskGroup():
                yield {"number": len(tasks)}
            tasks.append(asyncio.current_task())

        async def number(request: Request) -> JSONResponse:
            return JSONResponse(request.state.number)

        return Starlette(routes=[Route("/", number)], lifespan=lifespan)

    app = from_rsgi(from_asgi(make()))
    client = TestClient(app)
    for turn in range(2):
        with client:
            assert client.get("/").json() == 2 * turn + 1
    assert tasks[0] is tasks[1] and tasks[2] is tasks[3] and tasks[0] is not tasks[2]


@pytest.mark.parametrize("when", ["start", "stop"])
def test_exception_of_the_lifespan_comes_out(when):
    def make() -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            if when == "start":
                raise Broken(when)
            yield
            raise Broken(when)

        return Starlette(lifespan=lifespan)

    for app in (make(), from_rsgi(from_asgi(make()))):
        with pytest.raises(Broken, match=when), TestClient(app):
            pass


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        raise Broken("no lifespan")
    await Response("served")(scope, receive, send)


async def raises_when_told(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
    await raises_at_once(scope, receive, send)


@pytest.mark.parametrize("app", [raises_at_once, raises_when_told])
def test_exception_of_an_app_without_lifespan_comes_out(app):
    """Without a word to the server, which serves such an app or, as TestClient, does not."""
    for each in (app, from_rsgi(from_asgi(app))):
        with pytest.raises(Broken, match="no lifespan"), TestClient(each):
            pass
        assert TestClient(each).get("/").text == "served"


@pytest.mark.parametrize("app", [raises_at_once, raises_when_told])
async def test_servers_are_told_nothing_by_an_app_without_lifespan(app):
    server = Script({"type": "lifespan.startup"})
    with pytest.raises(Broken, match="no lifespan"):
        await from_rsgi(from_asgi(app))({"type": "lifespan"}, server.receive, server.send)
    assert server.sent == []


async def test_an_app_without_lifespan_is_served_where_the_server_has_none():
    app = from_rsgi(from_asgi(raises_when_told))
    for _ in range(2):
        server = scripted_server(DAPHNE, {"type": "http.request", "body": b""})
        await run(app, websocket_scope(type="http", method="GET"), server)
        assert server.types() == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("value", [b"caf\xe9", "caf\u00e9".encode(), b"\x01\x7f\xff"])
async def test_bytes_of_a_response_header_are_the_same(value):
    """TestClient cannot hold them."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", value)]})
        await send({"type": "http.response.body"})

    server = Script()
    scope = websocket_scope(type="http", scheme="http", method="GET")
    await from_rsgi(from_asgi(app))(scope, server.receive, server.send)
    assert (b"x-a", value) in server.sent[0]["headers"]


# -- what is lost, each by a name in docs/shim.md --


def lost(make: Any, play: Any) -> tuple[Any, Any]:
    """What is seen without the trip and with it."""
    return play(TestClient(make())), play(TestClient(from_rsgi(from_asgi(make()))))


def test_raw_path_is_rebuilt():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Response(scope["raw_path"])(scope, receive, send)

    assert lost(lambda: app, lambda client: client.get("/a%2Fb").text) == ("/a%2Fb", "/a/b")


def test_root_path_is_none():
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse([scope["root_path"], scope["path"]])(scope, receive, send)

    assert TestClient(app, root_path="/api").get("/x").json() == ["/api", "/x"]
    assert TestClient(from_rsgi(from_asgi(app)), root_path="/api").get("/x").json() == ["", "/x"]


async def with_everything(scope: Any, receive: Any, send: Any) -> None:
    """A handshake and a close with all that ASGI has."""
    websocket = WebSocket(scope, receive, send)
    await websocket.accept(subprotocol=websocket.query_params.get("chosen"))
    try:
        await websocket.receive_text()
    except WebSocketDisconnect as closed:
        seen.append((closed.code, closed.reason))
        return
    await websocket.close(4001, "bye")


seen: list[Any] = []


def test_subprotocol_is_an_error():
    def play(client: TestClient) -> Any:
        try:
            with client.websocket_connect("/?chosen=chat", subprotocols=["chat"]) as websocket:
                return websocket.accepted_subprotocol
        except UnsupportedByTransport:
            return UnsupportedByTransport

    assert lost(lambda: with_everything, play) == ("chat", UnsupportedByTransport)


def test_reason_of_a_close_is_empty():
    def play(client: TestClient) -> Any:
        with client.websocket_connect("/") as websocket:
            websocket.send_text("go")
            return websocket.receive()["reason"]

    assert lost(lambda: with_everything, play) == ("bye", "")


def test_code_and_reason_of_the_peer_are_not_told():
    def play(client: TestClient) -> Any:
        with client.websocket_connect("/") as websocket:
            websocket.close(4000, "gone")
        return seen.pop()

    assert lost(lambda: with_everything, play) == ((4000, "gone"), (1005, ""))


def test_body_of_a_refusal_is_empty():
    def play(client: TestClient) -> Any:
        with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/denies"):
            pass
        return refused.value.content  # type: ignore[attr-defined]

    assert lost(make_app, play) == (b"who?", b"")
