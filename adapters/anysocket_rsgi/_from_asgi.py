"""Any ASGI 3 app as an RSGI app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from anysocket._drain import Drain, Live
from anysocket._signals import drain_on_signals, forget
from anysocket_rsgi._asgi_lifespan import ASGILifespan, LifespanError
from anysocket_rsgi._asgi_scope import ASGIApp, is_asgi_server
from anysocket_rsgi._asgi_websocket import OnUnsupported, Unsupported, run_asgi_websocket
from anysocket_rsgi._errors import NoLifespan
from anysocket_rsgi._http import run_asgi_http
from anysocket_rsgi._worker import end_worker, granian_stop, refuse_rust_tasks

logger = logging.getLogger("anysocket")


def from_asgi(
    app: Any,
    on_unsupported: OnUnsupported = "error",
    *,
    root_path: str = "",
    pathsend: bool = True,
    drain_timeout: float = 10.0,
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

    ``drain_timeout``: seconds that WebSockets and their handlers have to end when the worker is told to:
    the peers get 1001, which RSGI carries without its code, the app gets ``websocket.disconnect``, and what
    still runs after half of the time is cancelled.

    What is carried and what is lost: ``docs/shim.md``. The result is still the ASGI app on an ASGI server.
    Raises ``TypeError`` if ``app`` cannot be called, ``ValueError`` for another ``on_unsupported``.
    """
    if not callable(app):
        raise TypeError(f"from_asgi() takes an ASGI app, which can be called, not {type(app).__name__}")
    drain = Drain(drain_timeout, delay=0)
    return BridgedASGIApp(app, on_unsupported, root_path, pathsend=pathsend, drain=drain)


class BridgedASGIApp:
    """What :func:`from_asgi` returns."""

    def __init__(
        self, app: Any, on_unsupported: OnUnsupported, root_path: str, *, pathsend: bool, drain: Drain
    ) -> None:
        self._app: ASGIApp = app
        self._lifespan = ASGILifespan(app)
        self._unsupported = Unsupported(on_unsupported)
        self._root_path = root_path
        self._pathsend = pathsend
        self._drain = drain

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker starts; the loop is not running yet. ``SystemExit`` ends the worker if the app
        refuses to start."""
        refuse_rust_tasks()
        try:
            loop.run_until_complete(self._lifespan.start())
        except LifespanError as error:
            end_worker(f"the ASGI app failed to start: {error}", error.__cause__)
        except NoLifespan as error:
            if is_asgi_server(getattr(loop.run_until_complete, "__self__", loop)):
                raise  # That one has its own way with such apps.
            level = logging.WARNING if error.was_told else logging.DEBUG
            logger.log(level, "the ASGI app is served without a lifespan", exc_info=error.__cause__)
        self._drain.reset()
        drain_on_signals(self, loop, stop=granian_stop())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker ends; the loop is not running any more. What fails in the app comes out of here."""
        forget(self)
        loop.run_until_complete(self._drain.run())
        loop.run_until_complete(self._lifespan.stop())

    async def drain(self) -> None:
        """End the WebSockets and wait for their handlers; as :meth:`anysocket.App.drain`."""
        await self._drain.run()

    def hasten(self) -> None:
        """Let an end that is under way be over within a second."""
        self._drain.hasten()

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[None]:
        """RSGI 1.6: one request or WebSocket. Raises nothing but for cancellation."""
        if scope.proto == "ws":
            return self._serve_websocket(scope, protocol)
        state = self._lifespan.state
        return run_asgi_http(self._app, scope, protocol, state, self._root_path, pathsend=self._pathsend)

    async def _serve_websocket(self, scope: Any, protocol: Any) -> None:
        if not self._drain.accepting:
            protocol.close(503)
            return
        live = Live(self._drain, f"of the ASGI app at {scope.path}")
        serving = run_asgi_websocket(
            self._app,
            scope,
            protocol,
            self._lifespan.state,
            self._unsupported,
            self._root_path,
            on_accept=live.set_websocket,
        )
        with live.around(serving):
            await serving

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3: the app itself. A coroutine function, by which uvicorn tells ASGI 3 from ASGI 2."""
        await self._app(scope, receive, send)
