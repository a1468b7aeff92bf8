"""The HTTP side of an anysocket app, on Starlette's routing and responses."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.routing import Mount as StarletteMount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anysocket._routing import HTTPRoute, Mount
from anysocket_starlette._request import Request
from anysocket_starlette._response import to_response

logger = logging.getLogger("anysocket")


class HTTPSource(Protocol):
    """What :func:`build_http` needs of an app."""

    @property
    def http_routes(self) -> Sequence[HTTPRoute]: ...
    @property
    def mounts(self) -> Sequence[Mount]: ...


def build_http(app: HTTPSource) -> ASGIApp:
    """The ASGI app that serves the HTTP routes and mounts that ``app`` has now.

    Routes come before mounts, each kind in the order of registration. What is registered afterwards
    is not served: build again. Every failure is answered as JSON, ``{"error": "…"}``.

    ``websocket`` scopes go to the mount of their path; without one they are refused.
    """
    routes: list[BaseRoute] = []
    for route in app.http_routes:
        routes.append(_Route(route, routes))
    routes.extend(StarletteMount(mount.path, mount.app) for mount in app.mounts)
    return _JSONErrors(app, Router(routes, default=_not_found))


class _Route(Route):
    """A handler's route. Starlette answers a wrong method with the methods of one route; here ``Allow``
    names those of every route that matches the path (RFC 9110 section 15.5.6)."""

    def __init__(self, route: HTTPRoute, siblings: Sequence[BaseRoute]) -> None:
        name = handler_name(route.handler)
        super().__init__(route.path, _Endpoint(route.handler, name), methods=route.methods, name=name)
        self._siblings = siblings

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.methods and scope["method"] not in self.methods:
            matching = [
                route.methods
                for route in self._siblings
                if isinstance(route, Route) and route.methods and route.matches(scope)[0] is not Match.NONE
            ]
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(set().union(*matching)))})
        await self.app(scope, receive, send)


class _Endpoint:
    """A handler as an ASGI app, which is how Starlette's ``Route`` takes what is not a function."""

    def __init__(self, handler: Callable[..., Any], name: str) -> None:
        self._name = name
        self._call = handler if is_async(handler) else functools.partial(run_in_threadpool, handler)
        parameters = inspect.signature(handler).parameters.values()
        self._takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        self._takes = {parameter.name for parameter in parameters}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        values: dict[str, Any] = request.path_params
        taken = {name: value for name, value in values.items() if self._takes_all or name in self._takes}
        returned = await self._call(request, **taken)
        if inspect.isawaitable(returned):  # A plain function in front of an async one.
            returned = await returned
        await to_response(returned, self._name)(scope, receive, send)


class _JSONErrors:
    """Answers what the routes raise: the one place where HTTP errors become responses."""

    def __init__(self, app: HTTPSource, router: Router) -> None:
        self._app = app
        self._router = router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        if scope["type"] == "http":
            await self._serve_http(scope, receive, send)
        else:
            await self._router(scope, receive, send)

    async def _serve_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            try:
                await send(message)
            except OSError as error:  # ASGI spec 2.4: how a server says that the client left.
                raise ClientDisconnect from error

        method, path = scope["method"], scope["path"]
        try:
            await self._router(scope, receive, watched_send)
            return
        except ClientDisconnect:
            logger.debug("client left during %s %r", method, path)
            return
        except HTTPException as error:
            if started:
                raise
            response = _error_response(error.status_code, error.detail, error.headers)
        except Exception:
            if started:
                raise  # Only the server can still tell the client, by cutting the response short.
            logger.exception("exception in the HTTP handler of %s %r", method, path)
            response = _error_response(500, "Internal Server Error", None)
        await response(scope, receive, send)


def _error_response(status: int, detail: object, headers: Mapping[str, str] | None) -> Response:
    if status in (204, 304):
        return Response(status_code=status, headers=headers)
    return JSONResponse({"error": detail}, status, headers)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        raise HTTPException(404)
    await send({"type": "websocket.close"})  # Before the accept: the server answers 403.


def handler_name(handler: Callable[..., Any]) -> str:
    """The handler's name for people: functions, partials and callable objects have one."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    return getattr(handler, "__qualname__", type(handler).__qualname__)


def is_async(handler: Callable[..., Any]) -> bool:
    """Whether calling the handler gives a coroutine: async functions, partials and objects of them."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    call = type(handler).__call__  # Where the handler is an object of its own kind.
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
