"""The door to the live page, which an adapter builds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from anysocket._manager import WebSocketManager
from anysocket._routing import ASGIApp


def monitor(
    manager: WebSocketManager, *, allow: Callable[[Any], bool | Awaitable[bool]] | None = None
) -> ASGIApp:
    """A live page of a manager as an ASGI app: connections, rooms, message rates, slow consumers, closes.

    ::

        app.mount("/_anysocket", anysocket.monitor(manager, allow=allow))

    ``allow(request)`` is a function or a coroutine function that is asked at each request, with
    Starlette's ``Request``; whom it answers with anything but True gets 403, and so does everybody
    without it. What it raises is answered with 500. ``GET …/stats.json`` is the data of the page.

    ``TypeError`` for what is no manager, or an ``allow`` that cannot be called.
    """
    if not isinstance(manager, WebSocketManager):
        raise TypeError(f"monitor() takes a WebSocketManager, not {manager!r}")
    if allow is not None and not callable(allow):
        raise TypeError(f"allow must be a function of the request, not {allow!r}")
    from anysocket_monitor import build_monitor

    return build_monitor(manager, allow)
