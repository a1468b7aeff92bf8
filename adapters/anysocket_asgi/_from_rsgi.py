"""Any RSGI app as an ASGI 3 app."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from anysocket_asgi._at_rest import call_at_rest
from anysocket_asgi._profiles import find_profile
from anysocket_asgi._rsgi_http import HTTPProtocol
from anysocket_asgi._rsgi_scope import rsgi_scope
from anysocket_asgi._rsgi_websocket import WebSocketProtocol
from anysocket_asgi._scope import build_scope
from anysocket_asgi._transport import ASGITransport, Receive, Send
from anysocket_rsgi._errors import NoLifespan, ProtocolClosed

logger = logging.getLogger("anysocket")

Scope = MutableMapping[str, Any]
WITHOUT_RESPONSE = "the RSGI app returned without a response to %s %r"
Life = Callable[[asyncio.AbstractEventLoop], object]


class RSGIUnderASGI:
    """What :func:`from_rsgi` returns: an ASGI 3 application."""

    def __init__(self, rsgi_app: Any) -> None:
        self._call: Callable[[Any, Any], Awaitable[object]] = getattr(rsgi_app, "__rsgi__", rsgi_app)
        if not callable(self._call):
            raise TypeError(f"{rsgi_app!r} is no RSGI app: neither __rsgi__(scope, protocol) nor callable")
        self._init: Life | None = getattr(rsgi_app, "__rsgi_init__", None)
        self._del: Life | None = getattr(rsgi_app, "__rsgi_del__", None)
        self._has_lifespan = False
        self._starting: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3. What the RSGI app raises comes out when its connection is cleaned up."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._run_lifespan(receive, send)
            return
        if self._init is not None and not self._has_lifespan:
            await self._ensure_started(self._init, scope, send)
        if kind == "http":
            await self._serve_request(scope, receive, send)
        elif kind == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            raise ValueError(f"ASGI scope of type {kind!r}: RSGI has HTTP and WebSockets only")

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = rsgi_scope(scope)
        protocol = HTTPProtocol(request, receive, send)
        try:
            await self._run_app(request, protocol)
            if not protocol.responded and not protocol.peer_is_gone:
                logger.error(WITHOUT_RESPONSE, request.method, request.path)
                if not find_profile(scope, send).answers_for_app:
                    protocol.response_str(500, [("content-type", "text/plain")], "Internal Server Error")
            await protocol.finish(failed=False)
        finally:
            protocol.release()

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return  # The peer has left before it was asked in.
        profile = find_profile(scope, send)
        denial = "websocket.http.response" in (scope.get("extensions") or {})
        whole_send = partial(_send_whole, send)
        transport = ASGITransport(build_scope(scope, {}), receive, whole_send, profile, denial=denial)
        # Straight from the server, as an ASGI app has it; but Granian's close has to find and cancel it.
        straight = transport.receive if profile.answers_late else receive
        protocol = WebSocketProtocol(transport, straight, send)
        try:
            await self._run_app(rsgi_scope(scope), protocol)
            await protocol.finish(failed=False)
        finally:
            protocol.release()

    async def _run_app(self, scope: Any, protocol: HTTPProtocol | WebSocketProtocol) -> None:
        """The app's part of a connection. Its exception is let out after what it left has been sent."""
        try:
            await self._call(scope, protocol)
        except Exception as error:
            if isinstance(error, ProtocolClosed) and protocol.peer_is_gone:
                logger.debug("the peer of %r left, and the RSGI app let that through", scope.path)
                return
            await _fail(protocol)
            raise

    # -- a worker's life --

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Start-up and shutdown (ASGI "Lifespan" 2.0). A failure is told to the server, and let out too, as
        TestClient has it from there."""
        await receive()
        self._has_lifespan = True
        await self._live(self._init, "startup", send)
        await receive()
        await self._live(self._del, "shutdown", send)

    async def _live(self, function: Life | None, phase: str, send: Send) -> None:
        try:
            if function is not None:
                await call_at_rest(function)
        except SystemExit as error:  # How an app refuses to start; it must not end the server's loop.
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
            raise error.__cause__ or RuntimeError(str(error)) from error
        except NoLifespan as error:  # No message, by which the server knows it from a start that failed.
            raise error.__cause__ or error  # noqa: B904 - with the cause that it has
        except Exception:
            await send({"type": f"lifespan.{phase}.failed", "message": traceback.format_exc()})
            raise
        await send({"type": f"lifespan.{phase}.complete"})

    async def _ensure_started(self, init: Life, scope: Scope, send: Send) -> None:
        """On a server without lifespan, the first connections wait for the one start, or fail with it."""
        if find_profile(scope, send).has_lifespan:
            return
        if self._starting is None:
            self._starting = asyncio.create_task(call_at_rest(init))
        with contextlib.suppress(NoLifespan):
            await asyncio.shield(self._starting)


async def _send_whole(send: Send, event: Any) -> None:
    """With ASGI's default written out, as frameworks do: TestClient shows a test the event as it is."""
    await send({**event, "reason": ""} if event["type"] == "websocket.close" else event)


async def _fail(protocol: HTTPProtocol | WebSocketProtocol) -> None:
    """Send what is left after the app's exception. That is the one to come out: neither another failure
    nor the server's cancellation, which comes with TestClient's end, may take its place."""
    try:
        await protocol.finish(failed=True)
    except (Exception, asyncio.CancelledError):
        logger.debug("what the RSGI app left before its exception could not be sent", exc_info=True)


def from_rsgi(rsgi_app: Any) -> RSGIUnderASGI:
    """An RSGI app as an ASGI 3 app, for uvicorn, Hypercorn, Daphne, or to be tested::

        app = from_rsgi(rsgi_app)                      # uvicorn module:app

        with TestClient(from_rsgi(rsgi_app)) as client:
            assert client.get("/").text == "hello"

    ``rsgi_app`` is an object with ``__rsgi__(scope, protocol)`` or a coroutine function of these two. Its
    ``__rsgi_init__(loop)`` and ``__rsgi_del__(loop)`` are called at the start and the end of the ASGI
    lifespan, in a thread of their own while the loop is at rest, so that ``loop.run_until_complete()`` works
    in them; on a server without lifespan (Daphne) the first at the first connection, the second never.

    Exceptions of the app come out when its connection is cleaned up, for the server to log. Raises
    ``TypeError`` for what is no RSGI app. What is carried, and what cannot be: ``docs/shim.md``.
    """
    return RSGIUnderASGI(rsgi_app)
