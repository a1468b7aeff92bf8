"""The door of ASGI: lifespan, requests, connections."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Awaitable, MutableMapping
from typing import Any

from anysocket import App, Scope, UnsupportedByTransport
from anysocket._drain import GOING_AWAY, REASON
from anysocket._signals import forget
from anysocket._transport import Transport
from anysocket_asgi._profiles import Profile, find_profile, is_known
from anysocket_asgi._scope import build_scope, request_path
from anysocket_asgi._siblings import find_siblings
from anysocket_asgi._signals import watch_signals
from anysocket_asgi._transport import ASGITransport, Receive, Send

logger = logging.getLogger("anysocket")

TRANSPORT = "anysocket.transport"
"""An extension of a scope by which a server offers a transport of its own: a mapping with ``transport``,
whose ``scope`` is set here, and the ``receive`` and ``send`` that it stands for."""


def serve_asgi(app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> Awaitable[None]:
    """What serves one scope of any type. It is no coroutine itself: each one around a handler is memory for
    every connection, and a step more on the way of every message."""
    if scope["type"] == "lifespan":
        return _run_lifespan(app, scope, receive, send)
    profile = find_profile(scope, send)
    if profile.has_lifespan:
        return _serve(app, scope, receive, send, profile)
    return _start_and_serve(app, scope, receive, send, profile)


async def _start_and_serve(
    app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send, profile: Profile
) -> None:
    await app.lifespan.ensure_started()
    scope.setdefault("state", dict(app.lifespan.state))
    await _serve(app, scope, receive, send, profile)


def _serve(
    app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send, profile: Profile
) -> Awaitable[None]:
    if scope["type"] == "http":
        return app.http(scope, receive, send)
    watch_signals(app, profile)  # Unless that was done as the lifespan started, which is not always run.
    if app.accepting and app.mounted(request_path(scope)):
        return _serve_mounted(app, scope, receive, send, profile)
    return _serve_websocket(app, scope, receive, send, profile)


async def _serve_mounted(
    app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send, profile: Profile
) -> None:
    serving: Any = app.http(scope, receive, send)
    guest = app.watch(f"of a mounted app at {scope['path']}", left=not profile.cuts_at_end).around(serving)
    with guest:
        await serving
    if guest.cancelled:
        close = {"type": "websocket.close", "code": GOING_AWAY, "reason": REASON}
        if not profile.carries_code(GOING_AWAY):
            close = {"type": "websocket.close"}
        with contextlib.suppress(Exception):  # It may have closed by itself.
            await send(close)


async def _serve_websocket(
    app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send, profile: Profile
) -> None:
    if (await receive())["type"] != "websocket.connect":
        return  # The peer has left before it was asked in.
    transport = _find_transport(build_scope(scope, app.lifespan.state), scope, receive, send, profile)
    try:
        app.check_server(transport.server, transport.capabilities, transport.remedy)
    except UnsupportedByTransport as error:
        logger.critical("%s", error)
        await transport.deny(500, [], b"")
        return
    await app.serve(transport)


def _find_transport(
    request: Scope, scope: MutableMapping[str, Any], receive: Receive, send: Send, profile: Profile
) -> Transport:
    """The server's own, unless somebody is in between who wants to see the events."""
    extensions = scope.get("extensions") or {}
    direct = extensions.get(TRANSPORT)
    if direct is not None and direct["receive"] == receive and direct["send"] == send:
        transport: Transport = direct["transport"]
        transport.scope = request
        return transport
    return ASGITransport(request, receive, send, profile, denial="websocket.http.response" in extensions)


async def _run_lifespan(app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Start-up and shutdown (ASGI "Lifespan" 2.0)."""
    await receive()
    find_siblings()
    try:
        profile = find_profile(scope, send)
        if is_known(profile):
            app.check_server(profile.server, profile.capabilities, ASGITransport.remedy)
        await app.start()
    except UnsupportedByTransport as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    except Exception:
        await send({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
        return
    if "state" in scope:
        scope["state"].update(app.lifespan.state)
    watch_signals(app, profile)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    forget(app)
    try:
        await app.stop()
    except Exception:
        await send({"type": "lifespan.shutdown.failed", "message": traceback.format_exc()})
        return
    await send({"type": "lifespan.shutdown.complete"})
