"""The page and its data as an ASGI app, for those whom the app lets in."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from anysocket._manager import WebSocketManager
from anysocket_monitor._snapshot import snapshot

Allow = Callable[[Request], bool | Awaitable[bool]]

FOLDER = Path(__file__).parent
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    # All that the page is made of comes from here, and nothing of it is inline.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
OFF = """\
This page tells who is connected, so it is shown to nobody until the app says to whom:

    app.mount("/_anysocket", anysocket.monitor(manager, allow=allow))

where allow(request), a function or a coroutine function, returns True for those who may see it:

    def allow(request):
        return request.client is not None and request.client.host == "127.0.0.1"
"""
REFUSED = "This page is not for you: allow(request), which the app gave to anysocket.monitor(), says no.\n"


def build_monitor(manager: WebSocketManager, allow: Allow | None) -> ASGIApp:
    """The ASGI app that :func:`anysocket.monitor` returns."""

    async def statistics(request: Request) -> Response:
        return JSONResponse(snapshot(manager), headers=HEADERS)

    files = [Route(path, _File(*file)) for path, file in FILES.items()]
    return _Gate(Router([*files, Route("/stats.json", statistics)]), allow)


class _File:
    """A file of this package as an ASGI app."""

    def __init__(self, name: str, media_type: str) -> None:
        self._response = Response((FOLDER / name).read_bytes(), 200, HEADERS, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._response(scope, receive, send)


class _Gate:
    """Lets in whom ``allow`` lets in, to whatever is behind it."""

    def __init__(self, app: ASGIApp, allow: Allow | None) -> None:
        self._app = app
        self._allow = allow

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not await self._allows(Request(scope, receive)):
            text = OFF if self._allow is None else REFUSED
            await PlainTextResponse(text, 403, _without_policy(HEADERS))(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _allows(self, request: Request) -> bool:
        if self._allow is None:
            return False
        answer = self._allow(request)
        if inspect.isawaitable(answer):
            answer = await answer
        # Only True: a forgotten return, or what a wrong function returned, lets nobody in.
        return answer is True


def _without_policy(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "content-security-policy"}
