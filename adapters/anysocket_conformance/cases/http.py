"""HTTP handlers: what they are given and may return."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import PlainTextResponse, StreamingResponse

from anysocket import App
from anysocket.testing._case import Client
from anysocket.testing._stage import shown
from anysocket_conformance.cases._requests import HTTP, described
from anysocket_starlette import Request

MIB = 1 << 20


class _Returned(HTTP):
    """Of what a handler returns."""

    returned: object = None

    def routes(self, app: App) -> None:
        @app.get(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return self.returned

    async def client(self, client: Client) -> None:
        await self.see(client, "GET")


class ReturnDict(_Returned):
    """A dict is JSON."""

    returned = {"name": "Jürgen", "numbers": [1, None]}
    sent = '{"name":"Jürgen","numbers":[1,null]}'.encode()
    client_sees = (f"200 application/json {sent!r}",)


class ReturnList(_Returned):
    """A list is JSON."""

    returned = [1, {"a": "b"}]
    client_sees = ('200 application/json b\'[1,{"a":"b"}]\'',)


class ReturnText(_Returned):
    """A str is text in UTF-8."""

    returned = "grüße"
    client_sees = (f"200 text/plain {shown('grüße'.encode())}",)


class ReturnBytes(_Returned):
    """Bytes are bytes."""

    returned = b"\x00\xff"
    client_sees = ("200 application/octet-stream b'\\x00\\xff'",)


class ReturnNothing(_Returned):
    """None is 204 without a body."""

    client_sees = ("204 no type b''",)


class ReturnStatus(_Returned):
    """A tuple of two is a body and its status."""

    returned = ({"id": 7}, 201)
    client_sees = ("201 application/json b'{\"id\":7}'",)


class ReturnHeaders(_Returned):
    """A tuple of three has headers too; two of one name are two."""

    returned = ("<p>", 418, [("content-type", "text/html"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    client_sees = ("418 text/html b'<p>'", "['a=1', 'b=2']")

    async def client(self, client: Client) -> None:
        response = await self.request(client, "GET")
        client.note(described(response))
        client.note(repr(response.headers.get_list("set-cookie")))


class ReturnResponse(_Returned):
    """A Starlette response is sent as it is."""

    returned = PlainTextResponse("own", 202, {"x-own": "yes"})
    client_sees = ("202 text/plain b'own'", "yes")

    async def client(self, client: Client) -> None:
        response = await self.request(client, "GET")
        client.note(described(response))
        client.note(response.headers.get("x-own", "no such header"))


class ReturnStream(HTTP):
    """A streaming response arrives whole and in order."""

    client_sees = ("200 text/plain in order",)
    parts = tuple(b"%d " % number for number in range(1000))

    def routes(self, app: App) -> None:
        async def stream() -> AsyncIterator[bytes]:
            for part in self.parts:
                yield part

        @app.get(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return StreamingResponse(stream(), media_type="text/plain")

    async def client(self, client: Client) -> None:
        response = await self.request(client, "GET")
        kind = response.headers["content-type"].partition(";")[0]
        in_order = response.body == b"".join(self.parts)
        client.note(f"{response.status} {kind} {'in order' if in_order else shown(response.body)}")


class ReturnMuch(HTTP):
    """1 MiB goes there and back whole."""

    client_sees = (f"200 application/octet-stream of {MIB} bytes, b'xxxx' to b'xxxx'",)

    def routes(self, app: App) -> None:
        @app.post(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return await request.body()

    async def client(self, client: Client) -> None:
        await self.see(client, "POST", body=b"x" * MIB)


class JsonIn(HTTP):
    """request.json() is the request's body; what is no JSON is 400 and says where."""

    client_sees = (
        '200 application/json b\'{"got":[1,"\\xc3\\xbc"]}\'',
        "400 application/json names the position",
    )

    def routes(self, app: App) -> None:
        @app.post(f"/{self.name}")
        async def handler(request: Request) -> Any:
            return {"got": await request.json()}

    async def client(self, client: Client) -> None:
        await self.see(client, "POST", json=[1, "ü"])
        response = await self.request(client, "POST", body=b"{no")
        kind = response.headers["content-type"]
        told = "names the position" if "line 1 column 2" in response.text else response.text
        client.note(f"{response.status} {kind} {told}")


class RequestReads(HTTP):
    """Path parameters are typed and handed over by name; query and headers are the request's."""

    client_sees = ('200 application/json b\'[7,"a b","1","value"]\'',)

    def routes(self, app: App) -> None:
        @app.get(f"/{self.name}/<int:number>/<path:rest>")
        async def handler(request: Request, number: int, rest: str) -> Any:
            return [number, rest, request.query_params["q"], request.headers["x-name"]]

    async def client(self, client: Client) -> None:
        await self.see(client, "GET", "/7/a%20b?q=1", headers=[("X-Name", "value")])


class Methods(HTTP):
    """get, post, put, patch and delete route their method; another one is 405 and is told which there are."""

    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    client_sees = (
        *(f"200 text/plain {method.encode()!r}" for method in methods),
        "405 DELETE, GET, HEAD, PATCH, POST, PUT",
    )

    def routes(self, app: App) -> None:
        for register in (app.get, app.post, app.put, app.patch, app.delete):
            register(f"/{self.name}")(self._say_method)

    async def _say_method(self, request: Request) -> Any:
        return str(request.method)

    async def client(self, client: Client) -> None:
        for method in self.methods:
            await self.see(client, method)
        response = await self.request(client, "OPTIONS")
        client.note(f"{response.status} {response.headers.get('allow', 'no Allow header')}")


class Head(_Returned):
    """HEAD is GET without the body."""

    returned = "hello"
    client_sees = ("200 text/plain b''", "content-length 5")

    async def client(self, client: Client) -> None:
        response = await self.request(client, "HEAD")
        client.note(described(response))
        client.note(f"content-length {response.headers.get('content-length')}")


class UnknownPath(_Returned):
    """A path without a route is 404, as JSON."""

    client_sees = ('404 application/json b\'{"error":"Not Found"}\'',)

    async def client(self, client: Client) -> None:
        await self.see(client, "GET", "/no/such/path")


class HandlerRaises(HTTP):
    """A handler that raises is 500, as JSON, and the server goes on."""

    clauses = ("2.http", "3.5")
    client_sees = (
        '500 application/json b\'{"error":"Internal Server Error"}\'',
        "200 text/plain b'and on'",
    )

    def routes(self, app: App) -> None:
        @app.get(f"/{self.name}")
        async def handler(request: Request) -> Any:
            raise LookupError("in the handler")

        @app.get(f"/{self.name}/next")
        async def next_one(request: Request) -> Any:
            return "and on"

    async def client(self, client: Client) -> None:
        await self.see(client, "GET")
        await self.see(client, "GET", "/next")


class WrongReturn(_Returned):
    """What is no response is 500, as JSON."""

    returned = object()
    client_sees = ('500 application/json b\'{"error":"Internal Server Error"}\'',)
