"""The decorators give a handler back with its own type, so that it can be called and tested."""

from typing import Any, assert_type

from starlette.requests import Request
from starlette.responses import Response

from anysocket import App, WebSocket

app = App()


@app.websocket("/rooms/<room>/<int:number>", subprotocols=["chat"], max_message_bytes=100)
async def room(websocket: WebSocket, room: str, number: int) -> int:
    return number


@app.get("/a")
async def get(request: Request) -> dict[str, int]:
    return {"a": 1}


@app.post("/a")
async def post(request: Request) -> tuple[str, int]:
    return "created", 201


@app.put("/a")
async def put(request: Request) -> tuple[str, int, dict[str, str]]:
    return "", 200, {"x-a": "b"}


@app.patch("/a/<name>")
async def patch(request: Request, name: str) -> Response:
    return Response()


@app.delete("/a")
async def delete(request: Request) -> bytes:
    return b""


async def each_keeps_its_type(websocket: WebSocket, request: Request) -> None:
    assert_type(await room(websocket, "kitchen", number=1), int)
    assert_type(await get(request), dict[str, int])
    assert_type(await post(request), tuple[str, int])
    assert_type(await put(request), tuple[str, int, dict[str, str]])
    assert_type(await patch(request, "name"), Response)
    assert_type(await delete(request), bytes)


async def any_asgi_app(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError


app.mount("/other", any_asgi_app)
