"""An anysocket handler as an endpoint of Starlette and FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from starlette.websockets import WebSocket as StarletteWebSocket

from anysocket._heartbeat import Heartbeat
from anysocket._limits import Limits, gate_of_app
from anysocket._observer import Observer, Observers
from anysocket._routing import WebSocketHandler
from anysocket._session import serve_route
from anysocket._websocket import DEFAULT_MAX_MESSAGE_BYTES, WebSocket
from anysocket_asgi import ASGITransport
from anysocket_asgi._profiles import find_profile
from anysocket_asgi._scope import build_scope
from anysocket_asgi._siblings import find_siblings
from anysocket_starlette._http import handler_name

Endpoint = Callable[[StarletteWebSocket], Awaitable[None]]


def websocket_endpoint(
    handler: WebSocketHandler,
    *,
    subprotocols: Sequence[str] = (),
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
    allowed_origins: Collection[str] | None = None,
    observers: Iterable[Observer] = (),
    limits: Limits | None = None,
    heartbeat: Heartbeat | None = None,
) -> Endpoint:
    """``handler`` as a WebSocket endpoint of a Starlette or FastAPI app, with the same promises as in an
    :class:`~anysocket.App`: path parameters by name, refusals before ``accept()``, closes after it.

    ::

        async def room(websocket, room):
            await websocket.accept()
            async for message in websocket:
                await websocket.send(message.data)

        app = Starlette(routes=[WebSocketRoute("/rooms/{room}", websocket_endpoint(room))])
        fastapi_app.add_api_websocket_route("/rooms/{room}", websocket_endpoint(room))

    It is a decorator as well: ``@fastapi_app.websocket("/rooms/{room}")`` above ``@websocket_endpoint``.
    ``subprotocols`` and ``max_message_bytes`` are those of :meth:`anysocket.App.websocket`,
    ``allowed_origins``, ``observers``, ``limits`` and ``heartbeat`` are those of :class:`anysocket.App`; the
    route that observers are told is Starlette's. Connections are counted for this endpoint alone, by the
    address that the server or a middleware tells.
    """
    offered = tuple(subprotocols)
    told = Observers(observers)
    gate = gate_of_app(limits)

    async def endpoint(websocket: StarletteWebSocket) -> None:
        # The server's own callables: Starlette's on top of them check states once more, and hide the
        # future by which Granian's receive is cancelled.
        receive, send = websocket._receive, websocket._send  # pyright: ignore[reportPrivateUsage]
        if (await receive())["type"] != "websocket.connect":
            return  # The peer has left before it was asked in.
        find_siblings()
        scope = websocket.scope
        denial = "websocket.http.response" in (scope.get("extensions") or {})
        profile = find_profile(scope, send)
        transport = ASGITransport(build_scope(scope, {}), receive, send, profile, denial=denial)
        core = WebSocket(transport, max_message_bytes=max_message_bytes, subprotocols=offered, observers=told)
        with told.around(core, getattr(scope.get("route"), "path", "")):
            await serve_route(
                handler,
                core,
                websocket.path_params,
                allowed_origins=allowed_origins,
                gate=gate,
                heartbeat=heartbeat,
            )

    # Not functools.wraps: FastAPI would look through it and read the handler's signature.
    endpoint.__name__ = endpoint.__qualname__ = handler_name(handler)
    endpoint.__doc__ = handler.__doc__
    return endpoint
