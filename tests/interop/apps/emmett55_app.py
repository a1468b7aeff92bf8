"""Emmett55, a framework that speaks RSGI: routes, parameters, pipes, a WebSocket, on ASGI servers."""

from __future__ import annotations

from typing import Any

from emmett55 import App, Pipe, request, response, websocket
from emmett55.tools import service

from anysocket_asgi import from_rsgi

emmett = App(__name__)


class Stamp(Pipe):
    async def pipe_request(self, next_pipe: Any, **values: Any) -> Any:
        response.headers["x-piped"] = "yes"
        return await next_pipe(**values)


emmett.pipeline = [Stamp()]


@emmett.route("/hello/<str:name>")
async def hello(name: str) -> str:
    return f"hello {name}"


@emmett.route("/params", methods=["post"])
@service.json
async def params() -> Any:
    return {"body": dict(await request.body_params), "query": dict(request.query_params)}


@emmett.websocket("/echo")
async def echo() -> None:
    await websocket.accept()
    while True:
        await websocket.send(await websocket.receive())


app = from_rsgi(emmett)
