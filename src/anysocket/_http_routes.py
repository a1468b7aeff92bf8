"""The part of an app by which handlers of HTTP requests are routed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anysocket._routing import ASGIApp, HTTPHandler, HTTPRoute, template

HTTP = TypeVar("HTTP", bound=HTTPHandler)


class RoutesHTTP:
    """Routes to HTTP handlers, by method."""

    http_routes: list[HTTPRoute]
    _http: ASGIApp | None
    """All of HTTP as one ASGI app, made when it is asked for and not yet there."""

    def get(self, path: str) -> Callable[[HTTP], HTTP]:
        """Route GET (and HEAD) to ``async def handler(request, …)``, which returns a dict or list (JSON),
        ``(body, status)``, ``(body, status, headers)``, str, bytes or a Starlette ``Response``."""
        return self._http_route(path, "GET")

    def post(self, path: str) -> Callable[[HTTP], HTTP]:
        """Route POST; as :meth:`get`."""
        return self._http_route(path, "POST")

    def put(self, path: str) -> Callable[[HTTP], HTTP]:
        """Route PUT; as :meth:`get`."""
        return self._http_route(path, "PUT")

    def patch(self, path: str) -> Callable[[HTTP], HTTP]:
        """Route PATCH; as :meth:`get`."""
        return self._http_route(path, "PATCH")

    def delete(self, path: str) -> Callable[[HTTP], HTTP]:
        """Route DELETE; as :meth:`get`."""
        return self._http_route(path, "DELETE")

    def _http_route(self, path: str, method: str) -> Callable[[HTTP], HTTP]:
        converted = template(path)

        def register(handler: HTTP) -> HTTP:
            self.http_routes.append(HTTPRoute(converted, (method,), handler))
            self._http = None
            return handler

        return register
