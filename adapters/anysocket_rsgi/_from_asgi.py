"""Any ASGI 3 app as an RSGI app."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from anysocket_rsgi._asgi_lifespan import ASGILifespan, LifespanError
from anysocket_rsgi._asgi_scope import ASGIApp
from anysocket_rsgi._asgi_websocket import OnUnsupported, Unsupported, run_asgi_websocket
from anysocket_rsgi._http import run_asgi_http
from anysocket_rsgi._worker import end_worker, refuse_rust_tasks


def from_asgi(
    app: Any, on_unsupported: OnUnsupported = "error", *, root_path: str = "", pathsend: bool = True
) -> BridgedASGIApp:
    """An ASGI 3 app as an RSGI app: ``granian --interface rsgi module:app``.

        app = from_asgi(fastapi_app)

    ``on_unsupported``: RSGI carries no subprotocol and no headers in the answer to a WebSocket's handshake.
    ``"error"``: the app's ``send`` raises :class:`~anysocket.UnsupportedByTransport`; ``"ignore"``: they are
    dropped and logged.
    ``root_path``: the prefix of all paths that a proxy in front removes, as ASGI's ``root_path``.
    ``pathsend``: offer the extension ``http.response.pathsend``, by which Granian sends files itself. It
    opens them after the app has handed them over, which ``send`` waits for on Linux: elsewhere, False for an
    app that removes its files at once.

    What is carried and what is lost: ``docs/shim.md``. The result is still the ASGI app on an ASGI server.
    Raises ``TypeError`` if ``app`` cannot be called, ``ValueError`` for another ``on_unsupported``.
    """
    if not callable(app):
        raise TypeError(f"from_asgi() takes an ASGI app, which can be called, not {type(app).__name__}")
    return BridgedASGIApp(app, on_unsupported, root_path, pathsend=pathsend)


class BridgedASGIApp:
    """What :func:`from_asgi` returns."""

    def __init__(self, app: Any, on_unsupported: OnUnsupported, root_path: str, *, pathsend: bool) -> None:
        self._app: ASGIApp = app
        self._lifespan = ASGILifespan(app)
        self._unsupported = Unsupported(on_unsupported)
        self._root_path = root_path
        self._pathsend = pathsend

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker starts; the loop is not running yet. ``SystemExit`` ends the worker if the app
        refuses to start."""
        refuse_rust_tasks()
        try:
            loop.run_until_complete(self._lifespan.start())
        except LifespanError as error:
            end_worker(f"the ASGI app failed to start: {error}", error.__cause__)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker ends; the loop is not running any more. What fails in the app comes out of here."""
        loop.run_until_complete(self._lifespan.stop())

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[None]:
        """RSGI 1.6: one request or WebSocket. Raises nothing but for cancellation."""
        state = self._lifespan.state
        if scope.proto == "ws":
            return run_asgi_websocket(self._app, scope, protocol, state, self._unsupported, self._root_path)
        return run_asgi_http(self._app, scope, protocol, state, self._root_path, pathsend=self._pathsend)

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """ASGI 3: the app itself."""
        return self._app(scope, receive, send)
